import type { Bus } from "./bus/bus.ts";
import type { Clock } from "./clock.ts";
import { CLOSE } from "./connection/connection.ts";
import type { Connections } from "./connection/connections.ts";
import type { WelcomeDelivery } from "./delivery/welcome-delivery.ts";
import type { Listener } from "./http/listener.ts";
import type { RelayStore } from "./store/contract.ts";

/** What a stopping relay lets go of. */
export interface Stoppable {
  readonly clock: Clock;
  readonly drainMs: number;
  readonly connections: Connections;
  readonly welcomes: WelcomeDelivery;
  readonly listener: Listener;
  readonly store: RelayStore;
  readonly bus: Bus;
}

/**
 * Answers what is under way, sends what waits, closes connections with 1001, then the listener and the store. New
 * requests and connections must be refused already.
 */
export async function shutDown(parts: Stoppable): Promise<void> {
  const { connections, listener } = parts;
  const deadline = deadlineOf(parts);
  await Promise.race([deadline.passed, settle(parts)]);
  for (const connection of connections.all()) connection.close(CLOSE.goingAway);
  const listenerClosed = listener.close();
  await Promise.race([deadline.passed, listenerClosed]);
  for (const connection of connections.all()) connection.terminate();
  await listenerClosed;
  deadline.cancel();
  await parts.store.close();
  await parts.bus.close();
}

async function settle({ connections, welcomes }: Stoppable): Promise<void> {
  await Promise.all(connections.all().map((connection) => connection.settled()));
  await welcomes.settled();
}

function deadlineOf({ clock, drainMs }: Stoppable): { passed: Promise<void>; cancel: () => void } {
  const { promise: passed, resolve } = Promise.withResolvers<void>();
  return { passed, cancel: clock.after(drainMs, resolve) };
}
