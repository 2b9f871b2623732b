import type { Answer, DeviceAddress, Request, RequestKind } from "@parley/protocol";
import type { Accounts } from "../accounts.ts";
import type { AccountControls } from "../admin/account-controls.ts";
import type { Clock } from "../clock.ts";
import type { DeviceSubscriptions } from "../delivery/device-subscriptions.ts";
import type { FanOut } from "../delivery/fan-out.ts";
import type { WelcomeDelivery } from "../delivery/welcome-delivery.ts";
import type { Traffic } from "../limits/traffic.ts";
import type { TransparencyLog } from "../log/transparency-log.ts";
import type { RelayLog } from "../log.ts";
import type { RelayMetrics } from "../metrics.ts";
import type { RelayStore } from "../store/contract.ts";

/** Who may make an account here. */
export type RegistrationMode = "invite" | "open" | "closed";

/** What the handlers of requests work with; one for the whole relay. */
export interface RelayServices {
  readonly store: RelayStore;
  readonly transparencyLog: TransparencyLog;
  readonly accounts: Accounts;
  readonly controls: AccountControls;
  readonly fanOut: FanOut;
  readonly welcomes: WelcomeDelivery;
  readonly traffic: Traffic;
  readonly metrics: RelayMetrics;
  readonly log: RelayLog;
  readonly clock: Clock;
  readonly registration: RegistrationMode;
  /** Ends every session of a revoked device. */
  hangUp(device: DeviceAddress): void;
}

/** A logged-in device on one connection. */
export interface Session {
  readonly device: DeviceAddress;
  /** `deviceText` of the device. */
  readonly deviceKey: string;
  readonly subscriptions: DeviceSubscriptions;
}

/** The connection that a stranger asks on. */
export interface Stranger {
  /** What the address counts as (`addressKey`). */
  readonly address: string;
  /** The hello frame as it was sent. */
  readonly helloBytes: Uint8Array;
  /** RFC 9266 tls-exporter; undefined when TLS does not end here. */
  tlsExporter(): Uint8Array | undefined;
}

/** A request by name. */
export type RequestOf<K extends RequestKind> = Extract<Request, { kind: K }>;

/** What a request comes to. `afterwards` runs when the answer has its place in the outbox. */
export interface Reply {
  readonly answer: Answer;
  readonly afterwards?: () => void;
}

/** Asked by a logged-in device. */
export interface Call {
  readonly services: RelayServices;
  readonly session: Session;
}

/**
 * Carries out one kind of request. Throws `ProtocolError`. Up to its first `await` it runs in the order in which the
 * requests of a connection came, so what it asks of the store before that keeps their order.
 */
export type Handler<K extends RequestKind> = (request: RequestOf<K>, call: Call) => Promise<Reply>;

/** The answer when there is nothing to say. */
export const DONE: Reply = { answer: { kind: "done" } };
