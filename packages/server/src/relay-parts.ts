import type { DeviceAddress } from "@parley/protocol";
import { Accounts } from "./accounts.ts";
import type { AccountControls } from "./admin/account-controls.ts";
import type { Bus } from "./bus/bus.ts";
import type { Clock } from "./clock.ts";
import type { ConnectionContext } from "./connection/connection.ts";
import { Connections } from "./connection/connections.ts";
import { FanOut } from "./delivery/fan-out.ts";
import { Turn } from "./delivery/turn.ts";
import { WelcomeDelivery } from "./delivery/welcome-delivery.ts";
import type { RelayLimits } from "./limits/relay-limits.ts";
import { Traffic } from "./limits/traffic.ts";
import type { TransparencyLog } from "./log/transparency-log.ts";
import type { RelayLog } from "./log.ts";
import { RelayMetrics } from "./metrics.ts";
import type { RegistrationMode } from "./requests/call.ts";
import type { RelayStore } from "./store/contract.ts";

/** The relay's inner parts, connected with each other. */
export interface RelayParts {
  readonly connections: Connections;
  readonly context: ConnectionContext;
}

/** Connects store, bus, delivery, limits and metrics. Nothing runs yet but the clock's ticks. */
export function assembleRelay(options: {
  readonly store: RelayStore;
  readonly controls: AccountControls;
  readonly transparencyLog: TransparencyLog;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: RelayLog;
  readonly limits: RelayLimits;
  readonly registration: RegistrationMode;
  readonly onFault: (error: unknown) => void;
  readonly isDraining: () => boolean;
}): RelayParts {
  const { store, controls, transparencyLog, bus, clock, log, limits, registration, onFault, isDraining } =
    options;
  const turn = new Turn();
  const connections = new Connections(clock, limits);
  const metrics: RelayMetrics = new RelayMetrics({
    connectionCount: () => connections.count,
    sessionCount: () => connections.sessionCount,
    topicCount: () => fanOut.topicCount,
    storeUsage: () => store.usage(),
  });
  const onDelivered = (count: number) => metrics.delivered(count);
  const fanOut: FanOut = new FanOut(bus, { turn, clock, onFault, onDelivered });
  const services = {
    store,
    transparencyLog,
    accounts: new Accounts(store, clock),
    controls,
    fanOut,
    welcomes: new WelcomeDelivery({ store, fanOut, clock, onFault }),
    traffic: new Traffic(clock, limits),
    metrics,
    log,
    clock,
    registration,
    hangUp: (device: DeviceAddress) => connections.hangUp(device),
  };
  return { connections, context: { services, limits, turn, isDraining } };
}
