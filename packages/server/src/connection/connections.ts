import type { DeviceAddress } from "@parley/protocol";
import { deviceText, ProtocolError } from "@parley/protocol";
import type { Clock } from "../clock.ts";
import { every } from "../clock.ts";
import type { RelayLimits } from "../limits/relay-limits.ts";
import type { Connection } from "./connection.ts";
import { CLOSE } from "./connection.ts";

const TICK_MS = 1000;

/** All open connections: counts them by address, ends those that do not log in, and pings the others. */
export class Connections {
  readonly #clock: Clock;
  readonly #limits: RelayLimits;
  /** Connections by the tick of the ping period at which they are pinged, so that not all are at once. */
  readonly #slots: Set<Connection>[];
  readonly #strangers = new Set<Connection>();
  readonly #strangersByAddress = new Map<string, number>();
  #opened = 0;
  #tick = 0;

  constructor(clock: Clock, limits: RelayLimits) {
    this.#clock = clock;
    this.#limits = limits;
    const slotCount = Math.max(1, Math.round(limits.pingPeriodMs / TICK_MS));
    this.#slots = Array.from({ length: slotCount }, () => new Set<Connection>());
  }

  get count(): number {
    return this.#slots.reduce((sum, slot) => sum + slot.size, 0);
  }

  get sessionCount(): number {
    return this.count - this.#strangers.size;
  }

  /** Whether one more stranger of this address is welcome. */
  admits(address: string): boolean {
    return (this.#strangersByAddress.get(address) ?? 0) < this.#limits.strangersPerAddress;
  }

  /** @returns what is to be called when the connection has closed. */
  add(connection: Connection): () => void {
    const slot = this.#slots[this.#opened++ % this.#slots.length] as Set<Connection>;
    slot.add(connection);
    this.#strangers.add(connection);
    connection.onLogin = () => this.#forgetStranger(connection);
    const { address } = connection;
    this.#strangersByAddress.set(address, (this.#strangersByAddress.get(address) ?? 0) + 1);
    return () => {
      slot.delete(connection);
      this.#forgetStranger(connection);
    };
  }

  all(): Connection[] {
    return this.#slots.flatMap((slot) => [...slot]);
  }

  /** Ends every session of a device that has been revoked. */
  hangUp(device: DeviceAddress): void {
    const key = deviceText(device);
    for (const connection of this.all()) {
      if (!connection.device || deviceText(connection.device) !== key) continue;
      connection.refuse(new ProtocolError("unauthenticated"), CLOSE.policyViolation);
    }
  }

  /** Begins to look after them. @returns what ends it. */
  watch(): () => void {
    return every(this.#clock, TICK_MS, () => this.#onTick());
  }

  #onTick(): void {
    const oldestMs = this.#clock.nowMs() - this.#limits.loginMs;
    for (const connection of this.#strangers) {
      if (connection.openedAtMs > oldestMs) continue;
      connection.refuse(new ProtocolError("unauthenticated"), CLOSE.policyViolation);
    }
    this.#tick = (this.#tick + 1) % this.#slots.length;
    for (const connection of this.#slots[this.#tick] as Set<Connection>) connection.probe();
  }

  #forgetStranger(connection: Connection): void {
    if (!this.#strangers.delete(connection)) return;
    const left = (this.#strangersByAddress.get(connection.address) ?? 1) - 1;
    if (left > 0) this.#strangersByAddress.set(connection.address, left);
    else this.#strangersByAddress.delete(connection.address);
  }
}
