import { once } from "node:events";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Answer, DeviceAddress, Hello, Request, ServerFrame } from "@parley/protocol";
import { clientFrame, decode, encode, ProtocolError, SUBPROTOCOL, serverFrame } from "@parley/protocol";
import type { NewAccount, Secret } from "@parley/trust";
import { createAccount, inviteToken, loginMessage, registrationMessage, signerFromSeed } from "@parley/trust";
import { WebSocket } from "ws";

/** An answer of one kind. */
export type AnswerOf<K extends Answer["kind"]> = Extract<Answer, { kind: K }>;
/** What comes without being asked for. */
export type Delivery = Exclude<ServerFrame, { kind: "hello" | "answer" | "error" }>;

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: ProtocolError) => void;
}

/** How a connection ended: the relay's last words and the close code. */
export interface Ending {
  readonly code: number;
  readonly error: ProtocolError | undefined;
}

/** A client without any cleverness, for tests: frames in, frames out. It checks no server's identity. */
export class RawClient {
  readonly socket: WebSocket;
  readonly hello: Hello;
  readonly helloBytes: Uint8Array;
  /** Everything delivered so far, in order. */
  readonly deliveries: Delivery[] = [];
  /** Kinds of all frames in the order in which they came. */
  readonly order: string[] = [];
  readonly ended: Promise<Ending>;
  readonly #waiting = new Map<number, Waiting>();
  #lastError: ProtocolError | undefined;
  #nextId = 1;
  #watchers: (() => void)[] = [];

  private constructor(socket: WebSocket, helloBytes: Uint8Array, hello: Hello) {
    this.socket = socket;
    this.helloBytes = helloBytes;
    this.hello = hello;
    this.ended = new Promise((resolve) => {
      socket.on("close", (code) => {
        for (const { reject } of this.#waiting.values())
          reject(new ProtocolError("shutting-down", "connection lost"));
        resolve({ code, error: this.#lastError });
        this.#notify();
      });
    });
    socket.on("error", () => {});
  }

  /** Opens a connection and waits for the hello. `localAddress` chooses among 127.0.0.0/8. */
  static async connect(url: string, options: { localAddress?: string } = {}): Promise<RawClient> {
    const socket = new WebSocket(url, SUBPROTOCOL, { rejectUnauthorized: false, ...options });
    const frames: Uint8Array[] = [];
    let client: RawClient | undefined;
    const hello = new Promise<Uint8Array>((resolve, reject) => {
      socket.once("error", reject);
      socket.on("message", (data: Buffer) => {
        const bytes = new Uint8Array(data);
        if (client) client.#receive(bytes);
        else if (frames.push(bytes) === 1) resolve(bytes);
      });
    });
    const helloBytes = await hello;
    const frame = decode(serverFrame, helloBytes);
    if (frame.kind !== "hello") throw new Error(`first frame is ${frame.kind}`);
    client = new RawClient(socket, helloBytes, frame);
    for (const bytes of frames.slice(1)) client.#receive(bytes);
    return client;
  }

  /** The TLS exporter of this connection, as login signs it. */
  tlsExporter(): Uint8Array | undefined {
    const transport = transportOf(this.socket);
    if (!(transport instanceof TLSSocket)) return undefined;
    return transport.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
  }

  /** Sends a request. Rejects with the relay's error. */
  async request<K extends Answer["kind"]>(request: Request, expected: K): Promise<AnswerOf<K>> {
    const answer = await this.requestWithId(this.#nextId++, request);
    if (answer.kind !== expected) throw new Error(`answered ${answer.kind} for ${expected}`);
    return answer as AnswerOf<K>;
  }

  /** Sends a request under a number of the caller's choice. */
  requestWithId(id: number, request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.socket.send(encode(clientFrame, { id, request }));
    });
  }

  async register(
    account: NewAccount,
    name: string,
    invite?: { readonly id: Uint8Array; readonly secret: Secret },
  ): Promise<AnswerOf<"session">> {
    const device = addressOf(account);
    const { chain, nameOpening } = account;
    const signer = await signerFromSeed(account.device);
    const signature = await signer.sign(registrationMessage({ ...this.#binding(), device, chain }));
    const token = invite && { id: invite.id, secret: inviteToken(invite.secret) };
    return this.request({ kind: "register", name, nameOpening, chain, invite: token, signature }, "session");
  }

  async logIn(account: NewAccount): Promise<AnswerOf<"session">> {
    const device = addressOf(account);
    const signer = await signerFromSeed(account.device);
    const signature = await signer.sign(loginMessage({ ...this.#binding(), device }));
    return this.request({ kind: "authenticate", device, signature }, "session");
  }

  /** Resolves with the result as soon as `find` has one, asked after each frame. */
  async until<T>(find: () => T | undefined | false): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== undefined && found !== false) return found;
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error("connection ended");
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  /** Closes and waits for it. */
  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.socket, "close");
    this.socket.close();
    await closed;
  }

  #binding(): { helloBytes: Uint8Array; tlsExporter?: Uint8Array } {
    const tlsExporter = this.tlsExporter();
    return { helloBytes: this.helloBytes, ...(tlsExporter && { tlsExporter }) };
  }

  #receive(bytes: Uint8Array): void {
    const frame = decode(serverFrame, bytes);
    this.order.push(frame.kind);
    if (frame.kind === "answer") {
      this.#waiting.get(frame.id)?.resolve(frame.answer);
      this.#waiting.delete(frame.id);
    } else if (frame.kind === "error") {
      const { winnerSeq, epoch, retryAfterMs } = frame;
      const error = new ProtocolError(frame.code, "", { winnerSeq, epoch, retryAfterMs });
      if (frame.id === 0) this.#lastError = error;
      this.#waiting.get(frame.id)?.reject(error);
      this.#waiting.delete(frame.id);
    } else if (frame.kind !== "hello") {
      this.deliveries.push(frame);
    }
    this.#notify();
  }

  #notify(): void {
    for (const wake of this.#watchers.splice(0)) wake();
  }
}

/** The TCP or TLS socket under a WebSocket, for tests that stop reading from it. */
export function transportOf(socket: WebSocket): Socket {
  return (socket as unknown as { _socket: Socket })._socket;
}

/** An account made up for a test. */
export function makeAccount(name: string, nowMs = Date.now()): Promise<NewAccount> {
  return createAccount({ name, nowMs });
}

/** The address of an account's first device. */
export function addressOf({ accountId }: NewAccount): DeviceAddress {
  return { account: accountId, device: 1 };
}
