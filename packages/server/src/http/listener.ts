import { constants } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, Server as PlainServer } from "node:http";
import { createServer as createPlainServer } from "node:http";
import type { Server as TlsServer, ServerOptions as TlsServerOptions } from "node:https";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { LIMITS, SUBPROTOCOL } from "@parley/protocol";
import { WebSocketServer } from "ws";
import { RelaySocket } from "../connection/relay-socket.ts";
import { addressKey, isLoopback } from "../limits/address-key.ts";
import type { LogHttpPage } from "../log/log-pages.ts";
import type { TlsIdentity } from "../tls/certificate.ts";
import { watchHandler } from "./watch.ts";

const HEADERS_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 5000;
const UPGRADE_PATH = "/v1";

/** Where and how the relay listens. */
export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  /** Absent: TLS ends elsewhere, or nowhere. */
  readonly tls?: TlsIdentity;
  /** Believe the last address in `X-Forwarded-For`: only right behind a proxy that writes it. */
  readonly trustForwardedFor: boolean;
  /** Whether `/metrics` answers others than this machine. */
  readonly publicMetrics: boolean;
  readonly connectionsPerAddress: number;
  /** Rejects when the relay cannot do its work now. */
  checkHealth(): Promise<void>;
  /** What the transparency log shows under a path that begins with `/log/`. */
  logPage(path: string): Promise<LogHttpPage | undefined>;
  exposeMetrics(): Promise<{ readonly text: string; readonly contentType: string }>;
  /** Whether a WebSocket of this address ({@link addressKey}) may be opened now. */
  admits(address: string): "yes" | "too-many" | "stopping";
  onRefused(): void;
  onWebSocket(socket: RelaySocket, transport: Socket, address: string): void;
}

/** The relay's one port: HTTP for machines that watch it, WebSockets for clients. */
export interface Listener {
  /** What the operating system has given. */
  readonly port: number;
  /** Presents another certificate to those who connect from now on. */
  setTlsIdentity(tls: TlsIdentity): void;
  /** Takes no new connections, and closes those that are not WebSockets. */
  close(): Promise<void>;
}

/** Binds the port. Rejects with the system's error when it cannot be had. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { tls, host, port } = options;
  const watch = watchHandler({ ...options, isFromThisMachine });
  const server = tls ? createTlsServer(tlsOptions(tls), watch) : createPlainServer(watch);
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = HEADERS_TIMEOUT_MS;
  limitConnections(server, options);
  takeUpgrades(server, options);
  server.listen({ host, port });
  await once(server, "listening");
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound ? bound.port : port,
    setTlsIdentity: (identity) => (server as TlsServer).setSecureContext(tlsOptions(identity)),
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * No session tickets: each connection has a handshake of its own, in which the client sees the certificate, and no
 * ticket key outlives a connection.
 */
function tlsOptions(tls: TlsIdentity): TlsServerOptions {
  return {
    ...certificateOf(tls),
    minVersion: "TLSv1.3",
    secureOptions: constants.SSL_OP_NO_TICKET,
    ALPNProtocols: ["http/1.1"],
  };
}

function certificateOf({ certificatePem, keyPem }: TlsIdentity): { cert: string; key: string } {
  return { cert: certificatePem, key: keyPem };
}

/** A proxy on this machine forwards for others: what it forwards is not from here. */
function isFromThisMachine({ socket, headers }: IncomingMessage): boolean {
  return isLoopback(socket.remoteAddress ?? "") && headers["x-forwarded-for"] === undefined;
}

function limitConnections(server: PlainServer | TlsServer, options: ListenerOptions): void {
  if (options.trustForwardedFor) return;
  const counts = new Map<string, number>();
  server.on("connection", (socket: Socket) => {
    const address = addressKey(socket.remoteAddress ?? "");
    const count = (counts.get(address) ?? 0) + 1;
    if (count > options.connectionsPerAddress) {
      options.onRefused();
      socket.destroy();
      return;
    }
    counts.set(address, count);
    socket.once("close", () => {
      const left = (counts.get(address) ?? 1) - 1;
      if (left > 0) counts.set(address, left);
      else counts.delete(address);
    });
  });
}

function takeUpgrades(server: PlainServer | TlsServer, options: ListenerOptions): void {
  const settings = {
    noServer: true,
    clientTracking: false,
    WebSocket: RelaySocket,
    maxPayload: LIMITS.frameBytes,
    perMessageDeflate: false,
    autoPong: false,
    closeTimeout: CLOSE_TIMEOUT_MS,
    handleProtocols: () => SUBPROTOCOL,
  };
  const webSockets = new WebSocketServer(settings);
  server.on("upgrade", (request: IncomingMessage, transport: Duplex, head: Buffer) => {
    transport.on("error", () => transport.destroy());
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
    if (request.url !== UPGRADE_PATH) return refuseUpgrade(transport, "404 Not Found");
    if (!offered.includes(SUBPROTOCOL)) return refuseUpgrade(transport, "400 Bad Request");
    const address = addressKey(clientAddress(request, options.trustForwardedFor));
    const verdict = options.admits(address);
    if (verdict === "stopping") return refuseUpgrade(transport, "503 Service Unavailable");
    if (verdict === "too-many") {
      options.onRefused();
      return refuseUpgrade(transport, "429 Too Many Requests");
    }
    webSockets.handleUpgrade(request, transport, head, (socket) => {
      options.onWebSocket(socket, transport as Socket, address);
    });
  });
}

function clientAddress(request: IncomingMessage, trustForwardedFor: boolean): string {
  const direct = request.socket.remoteAddress ?? "";
  if (!trustForwardedFor) return direct;
  return (
    String(request.headers["x-forwarded-for"] ?? "")
      .split(",")
      .at(-1)
      ?.trim() || direct
  );
}

function refuseUpgrade(transport: Duplex, status: string): void {
  transport.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
