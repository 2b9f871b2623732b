import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { ClientFrame, DeviceAddress, ErrorCode, Request, ServerFrame } from "@parley/protocol";
import { deviceText, ProtocolError } from "@parley/protocol";
import { TLS_EXPORTER_BYTES } from "@parley/trust";
import { disabledRefusal } from "../admin/admin-error.ts";
import { DeviceSubscriptions } from "../delivery/device-subscriptions.ts";
import { Outbox } from "../delivery/outbox.ts";
import type { Turn } from "../delivery/turn.ts";
import {
  frameAppended,
  frameForWire,
  frameMessage,
  framePong,
  PING_FRAME,
} from "../delivery/websocket-framing.ts";
import type { RelayLimits } from "../limits/relay-limits.ts";
import { faultTrace } from "../log.ts";
import type { RelayServices, Reply, Session, Stranger } from "../requests/call.ts";
import { handle } from "../requests/handlers.ts";
import { authenticate, register } from "../requests/login.ts";
import type { RelaySocket } from "./relay-socket.ts";
import { RequestIntake } from "./request-intake.ts";

/** Status codes of RFC 6455 §7.4.1. */
export const CLOSE = {
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  invalidText: 1007,
  policyViolation: 1008,
  tooBig: 1009,
  internalError: 1011,
} as const;

/** Why `ws` itself closes a connection, in this protocol's words. */
const CODE_OF_CLOSE: ReadonlyMap<number, ErrorCode> = new Map([
  [CLOSE.protocolError, "malformed"],
  [CLOSE.invalidText, "malformed"],
  [CLOSE.tooBig, "too-large"],
]);

const EXPORTER_LABEL = "EXPORTER-Channel-Binding";
const MAX_PONG_BACKLOG_BYTES = 64 * 1024;
const NO_CONTEXT = Buffer.alloc(0);

type LoginRequest = Extract<Request, { kind: "authenticate" | "register" }>;

/** What all connections of a relay have in common. */
export interface ConnectionContext {
  readonly services: RelayServices;
  readonly limits: RelayLimits;
  readonly turn: Turn;
  /** Whether new requests are refused because the relay stops. */
  isDraining(): boolean;
}

/** One client on one WebSocket: says hello, waits for a login, then carries out requests and delivers. */
export class Connection {
  static #count = 0;
  /** Counts up while the relay runs. */
  readonly id = ++Connection.#count;
  /** What the client's address counts as. */
  readonly address: string;
  readonly openedAtMs: number;
  /** Called once, when the client has logged in. */
  onLogin: (() => void) | undefined;
  readonly #context: ConnectionContext;
  readonly #socket: RelaySocket;
  readonly #transport: Socket;
  readonly #outbox: Outbox;
  readonly #intake: RequestIntake;
  #helloBytes: Uint8Array | undefined;
  #session: Session | undefined;
  #isClosing = false;
  /** Whether the error that closes the connection has been sent. */
  #saidWhy = false;
  /** Whether anything came since the last ping. */
  #isHeard = true;
  #takenBytes = 0;

  constructor(options: {
    readonly context: ConnectionContext;
    readonly socket: RelaySocket;
    readonly transport: Socket;
    readonly address: string;
    readonly helloBytes: Uint8Array;
  }) {
    const { context, socket, transport, address, helloBytes } = options;
    this.#context = context;
    this.#socket = socket;
    this.#transport = transport;
    this.address = address;
    this.openedAtMs = context.services.clock.nowMs();
    this.#helloBytes = helloBytes;
    this.#outbox = new Outbox(transport, context.turn, {
      limitBytes: context.limits.outboxBytes,
      onOverflow: () => this.#lag(),
    });
    this.#intake = new RequestIntake({
      socket,
      outbox: this.#outbox,
      limits: context.limits,
      answer: (frame, frameBytes) => this.#answer(frame, frameBytes),
      onUnreadable: (error) => this.#refuseUnreadable(error),
    });
    socket.beforeClose = (code) => this.#finish(code);
    socket.on("message", (data: Buffer, isBinary: boolean) => this.#receive(data, isBinary));
    socket.on("ping", (payload: Buffer) => this.#pong(payload));
    socket.on("pong", () => this.#hear());
    // `ws` has closed by then, or will: RelaySocket.close() has said why.
    socket.on("error", () => {});
    socket.on("close", () => this.#release());
    this.#outbox.push({ bytes: frameMessage(helloBytes), droppable: false });
  }

  /** Sends a ping, or drops the connection if nothing came since the last one and what waits does not get through. */
  probe(): void {
    const takenBytes = this.#transport.bytesWritten - this.#transport.writableLength;
    const isStuck = this.#outbox.backlogBytes === 0 || takenBytes === this.#takenBytes;
    if (!this.#isHeard && isStuck) {
      this.#socket.terminate();
      return;
    }
    this.#isHeard = false;
    this.#takenBytes = takenBytes;
    this.#outbox.push({ bytes: PING_FRAME, droppable: true });
  }

  /** Says why and closes. */
  refuse(error: ProtocolError, closeCode: number): void {
    if (this.#isClosing) return;
    this.#pushError(0, error);
    this.#saidWhy = true;
    this.#socket.close(closeCode);
  }

  /** The device that has logged in. */
  get device(): DeviceAddress | undefined {
    return this.#session?.device;
  }

  /** Resolves when no request is being worked on. */
  settled(): Promise<void> {
    return this.#intake.settled();
  }

  /** Sends what waits, then closes. */
  close(closeCode: number): void {
    this.#socket.close(closeCode);
  }

  /** Ends the connection at once. */
  terminate(): void {
    this.#socket.terminate();
  }

  #hear(): void {
    this.#isHeard = true;
  }

  /** Never more than a slow client takes. */
  #pong(payload: Buffer): void {
    this.#hear();
    if (this.#outbox.backlogBytes < MAX_PONG_BACKLOG_BYTES) {
      this.#outbox.push({ bytes: framePong(payload), droppable: true });
    }
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#hear();
    if (this.#isClosing) return;
    if (!isBinary) {
      this.refuse(new ProtocolError("malformed", "text frame"), CLOSE.unsupportedData);
      return;
    }
    this.#intake.take(data);
  }

  #refuseUnreadable(error: unknown): void {
    if (error instanceof ProtocolError) this.refuse(new ProtocolError(error.code), CLOSE.protocolError);
    else this.#fail(error);
  }

  async #answer({ id, request }: ClientFrame, frameBytes: number): Promise<void> {
    try {
      const { answer, afterwards } = await this.#carryOut(request, frameBytes);
      if (answer.kind === "appended") this.#pushBytes(frameAppended(id, answer.seq, answer.receivedAtMs));
      else this.#push({ kind: "answer", id, answer });
      this.#context.services.metrics.requested(request.kind);
      afterwards?.();
    } catch (error) {
      this.#pushError(id, error);
      if (!(error instanceof ProtocolError && error.code === "malformed")) return;
      this.#saidWhy = true;
      this.close(CLOSE.protocolError);
    }
  }

  #carryOut(request: Request, frameBytes: number): Promise<Reply> {
    const { services } = this.#context;
    if (this.#context.isDraining()) throw new ProtocolError("shutting-down");
    if (request.kind === "authenticate" || request.kind === "register") return this.#logIn(request);
    const session = this.#session;
    if (!session) {
      if (request.kind === "ping") return Promise.resolve({ answer: { kind: "done" } });
      throw new ProtocolError("unauthenticated");
    }
    const { address } = this;
    services.traffic.admitRequest({ kind: request.kind, frameBytes, device: session.deviceKey, address });
    return handle(request.kind, request, { services, session });
  }

  async #logIn(request: LoginRequest): Promise<Reply> {
    const { services } = this.#context;
    const helloBytes = this.#helloBytes;
    if (!helloBytes) throw new ProtocolError("forbidden", "already logged in");
    const stranger: Stranger = { address: this.address, helloBytes, tlsExporter: () => this.#tlsExporter() };
    try {
      const { device, answer } = await this.#intake.hold(
        request.kind === "authenticate"
          ? authenticate(request, stranger, services)
          : register(request, stranger, services),
      );
      // Nothing comes between this look and the session, so whoever disables the account finds the session or prevents it.
      if (services.controls.of(device.account).disabledAtMs !== undefined) throw disabledRefusal();
      this.#session = this.#openSession(device);
      this.#helloBytes = undefined;
      this.onLogin?.();
      // Whoever revokes the device finds the session, or this look finds the device revoked.
      if (!(await this.#intake.hold(services.accounts.find(device)))) {
        const refusal = new ProtocolError("unauthenticated");
        this.refuse(refusal, CLOSE.policyViolation);
        throw refusal;
      }
      return { answer };
    } catch (error) {
      const code = error instanceof ProtocolError ? error.code : "internal";
      services.log.warn("login-failed", { code, address: this.address });
      throw error;
    }
  }

  #openSession(device: DeviceAddress): Session {
    const { store, fanOut } = this.#context.services;
    const own = { account: device.account.slice(), device: device.device };
    const subscriptions = new DeviceSubscriptions({
      device: own,
      store,
      fanOut,
      outbox: this.#outbox,
      onFault: (error) => this.#fail(error),
    });
    return { device: own, deviceKey: deviceText(own), subscriptions };
  }

  /** Deliveries cannot go on: the client connects again and resumes. */
  #fail(error: unknown): void {
    this.#pushError(0, error);
    this.close(CLOSE.internalError);
  }

  #tlsExporter(): Uint8Array | undefined {
    if (!(this.#transport instanceof TLSSocket)) return undefined;
    return this.#transport.exportKeyingMaterial(TLS_EXPORTER_BYTES, EXPORTER_LABEL, NO_CONTEXT);
  }

  #push(frame: ServerFrame): void {
    this.#pushBytes(frameForWire(frame));
  }

  #pushBytes(bytes: Buffer): void {
    if (!this.#isClosing) this.#outbox.push({ bytes, droppable: false });
  }

  #pushError(id: number, error: unknown): void {
    const { log, metrics } = this.#context.services;
    const known = error instanceof ProtocolError ? error : new ProtocolError("internal");
    if (known.code === "internal") log.error("fault", { fault: faultTrace(error) });
    if (known.code === "storage-unavailable") log.error("storage-fault", { fault: faultTrace(error) });
    metrics.refused(known.code);
    const { winnerSeq = 0, epoch = 0, retryAfterMs = 0 } = known.data;
    this.#push({ kind: "error", id, code: known.code, winnerSeq, epoch, retryAfterMs });
  }

  /** The client reads too slowly: its deliveries are dropped, and it resumes when it gets to hear of it. */
  #lag(): void {
    if (!this.#session) return;
    if (this.#outbox.dropDeliveries() === 0) return;
    this.#session.subscriptions.leaveAll();
    this.#push({ kind: "lagging" });
    this.#context.services.metrics.lagged();
    this.#context.services.log.warn("client-lagging");
  }

  /** The last frames before a close frame. */
  #finish(closeCode: number): void {
    const code = CODE_OF_CLOSE.get(closeCode);
    if (code && !this.#isClosing && !this.#saidWhy) this.#pushError(0, new ProtocolError(code));
    this.#isClosing = true;
    this.#intake.close();
    this.#session?.subscriptions.leaveAll();
    this.#outbox.flushAll();
  }

  #release(): void {
    this.#isClosing = true;
    this.#intake.close();
    this.#session?.subscriptions.leaveAll();
    this.#outbox.close();
  }
}
