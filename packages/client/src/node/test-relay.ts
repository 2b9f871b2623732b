import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Answer, ClientFrame, ServerFrame } from "@parley/protocol";
import { clientFrame, decode, encode, idText, ProtocolError, serverFrame } from "@parley/protocol";
import type { Invite, ServerKeys } from "@parley/trust";
import {
  createServerIdentity,
  formatInviteLink,
  inviteToken,
  loginMessage,
  registrationMessage,
  Secret,
  signerFromSeed,
  signStatement,
  verifyAccountChain,
  verifyServerChain,
  verifySignature,
} from "@parley/trust";
import type { WebSocket } from "ws";
import { WebSocketServer } from "ws";
import { makeTestCertificate } from "./test-certificate.ts";

const HOUR_MS = 60 * 60 * 1000;

interface Account {
  readonly name: string;
  readonly chain: readonly Uint8Array[];
}

/** What a test can make a {@link TestRelay} do. */
export interface TestRelayOptions {
  readonly plain?: boolean;
  readonly host?: string;
  readonly keys?: ServerKeys;
  readonly generation?: number;
  /** In the hello, instead of the statement's. */
  readonly saidGeneration?: number;
  /** Ends no TLS that it knows of: takes proofs without an exporter only. */
  readonly behindProxy?: boolean;
  /** Instead of the hash of its own TLS key. */
  readonly statedSpkiHashes?: readonly Uint8Array[];
  readonly statedHosts?: readonly string[];
  /** In the hello. */
  readonly checkpoint?: Uint8Array;
  /** At `/log/server-chain`. */
  readonly serverChainPage?: Uint8Array;
  /** Negative: the statement is over. */
  readonly statementLifeMs?: number;
}

/** A relay that greets, registers and logs in as a real one does, and forgets everything when it is closed. */
export async function startTestRelay(options: TestRelayOptions = {}) {
  const { plain = false, host = "127.0.0.1", generation = 1, statementLifeMs = HOUR_MS } = options;
  const certificate = makeTestCertificate();
  const nowMs = Date.now();
  const hostNames = options.statedHosts ?? ["127.0.0.1", "localhost", "[::1]"];
  const keys = options.keys ?? (await createServerIdentity({ hostNames, nowMs }));
  const { serverId } = await verifyServerChain(keys.chain);
  const statement = await signStatement(
    {
      serverId,
      hostNames,
      tlsSpkiHashes: options.statedSpkiHashes ?? [certificate.spkiHash],
      notBeforeMs: nowMs - 2 * HOUR_MS,
      notAfterMs: nowMs + statementLifeMs,
      generation,
    },
    await signerFromSeed(keys.identity),
  );

  const accounts = new Map<string, Account>();
  const invites = new Map<string, { readonly token: Uint8Array; usedBy: string | undefined }>();
  const http = plain ? createHttpServer() : createHttpsServer({ ...certificate, minVersion: "TLSv1.3" });
  http.on("request", ({ url }, response) => {
    const page = url === "/log/server-chain" ? options.serverChainPage : undefined;
    response.writeHead(page ? 200 : 404).end(page);
  });
  const sockets = new WebSocketServer({ server: http });
  const relay = {
    serverId,
    keys,
    certificate,
    accounts,
    /** Server names of TLS hellos, `false` for none. */
    serverNames: [] as (string | false)[],
    /** Every request that came, in order. */
    requests: [] as ClientFrame["request"][],
    /** Hang up after carrying out the next registration, instead of answering. */
    loseNextAnswer: false,
    socket: undefined as WebSocket | undefined,
    get port(): number {
      return (http.address() as AddressInfo).port;
    },
    get address(): string {
      return `${plain ? "ws://" : ""}${host.includes(":") ? `[${host}]` : host}:${relay.port}`;
    },
    invite(over: Partial<Invite> = {}): string {
      const secret = Secret.random(32);
      const id = crypto.getRandomValues(new Uint8Array(16));
      invites.set(idText(id), { token: inviteToken(secret), usedBy: undefined });
      const rest = { inviter: undefined, room: undefined, checkpoint: undefined };
      const expiresAtMs = Date.now() + HOUR_MS;
      return formatInviteLink({
        serverId,
        host: "127.0.0.1",
        port: relay.port,
        id,
        secret,
        expiresAtMs,
        ...rest,
        ...over,
      });
    },
    async close(): Promise<void> {
      for (const socket of sockets.clients) socket.terminate();
      http.closeAllConnections();
      http.close();
      await once(http, "close");
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await relay.close();
    },
  };

  sockets.on("connection", (socket, request) => {
    relay.socket = socket;
    const nonce = crypto.getRandomValues(new Uint8Array(32));
    const hello = {
      statement,
      serverChain: keys.chain,
      checkpoint: options.checkpoint ?? new Uint8Array(0),
      nonce,
    };
    const said = { generation: options.saidGeneration ?? generation };
    const helloBytes = encode(serverFrame, { kind: "hello", ...hello, ...said });
    let tlsExporter: Uint8Array | undefined;
    if (!plain && !options.behindProxy) {
      const tls = request.socket as TLSSocket;
      relay.serverNames.push((tls as unknown as { servername: string | false }).servername);
      tlsExporter = Uint8Array.from(
        tls.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0)),
      );
    }
    const say = (said: ServerFrame) => socket.send(encode(serverFrame, said));
    socket.on("error", () => socket.terminate());
    socket.on("message", async (data: Buffer) => {
      const { id, request } = decode(clientFrame, Uint8Array.from(data));
      relay.requests.push(request);
      try {
        const answer = await carryOut(request, { helloBytes, ...(tlsExporter && { tlsExporter }) });
        if (request.kind === "register" && relay.loseNextAnswer) {
          relay.loseNextAnswer = false;
          socket.terminate();
        } else say({ kind: "answer", id, answer });
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        say({ kind: "error", id, code: error.code, winnerSeq: 0, epoch: 0, retryAfterMs: 0 });
      }
    });
    socket.send(helloBytes);
  });

  type Binding = { readonly helloBytes: Uint8Array; readonly tlsExporter?: Uint8Array };
  async function carryOut(request: ClientFrame["request"], binding: Binding): Promise<Answer> {
    if (request.kind === "register") return register(request, binding);
    if (request.kind !== "authenticate") return { kind: "done" };
    const { device } = request;
    const account = accounts.get(idText(device.account));
    if (!account) throw new ProtocolError("not-found");
    const state = await verifyAccountChain(account.chain, { nowMs: Date.now() });
    await check(
      state.devices[device.device - 1]?.publicKey,
      loginMessage({ ...binding, device }),
      request.signature,
    );
    return { kind: "session", device, name: account.name, stock: 0, serverTimeMs: Date.now() };
  }

  type Register = Extract<ClientFrame["request"], { kind: "register" }>;
  async function register(
    { name, nameOpening, chain, invite, signature }: Register,
    binding: Binding,
  ): Promise<Answer> {
    const state = await verifyAccountChain(chain, { nowMs: Date.now(), name, nameOpening });
    const device = { account: state.accountId, device: 1 };
    await check(state.devices[0]?.publicKey, registrationMessage({ ...binding, device, chain }), signature);
    const account = idText(state.accountId);
    if (accounts.has(account)) throw new ProtocolError("already-exists");
    if ([...accounts.values()].some((other) => other.name === name)) throw new ProtocolError("name-taken");
    const known = invite && invites.get(idText(invite.id));
    if (!known || known.usedBy || idText(known.token) !== idText(invite.secret))
      throw new ProtocolError("invite-invalid");
    known.usedBy = account;
    accounts.set(account, { name, chain });
    return { kind: "session", device, name, stock: 0, serverTimeMs: Date.now() };
  }

  async function check(
    key: Uint8Array | undefined,
    message: Uint8Array,
    signature: Uint8Array,
  ): Promise<void> {
    const holds = key && (await verifySignature(key, message, signature));
    if (!holds) throw new ProtocolError("unauthenticated");
  }

  http.listen(0, host);
  await once(http, "listening");
  return relay;
}

export type TestRelay = Awaited<ReturnType<typeof startTestRelay>>;
