import { createHash } from "node:crypto";
import type { ClientRequest, IncomingMessage } from "node:http";
import { connect as connectTcp, isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import { connect as connectTls } from "node:tls";
import { LIMITS, SUBPROTOCOL } from "@parley/protocol";
import type { ClientOptions } from "ws";
import { WebSocket } from "ws";
import { ConnectionError } from "../connection/connection.ts";
import type { Channel, ChannelEvents, Transport } from "../connection/transport.ts";
import { isLoopbackHost } from "../connection/transport.ts";

const EXPORTER_LABEL = "EXPORTER-Channel-Binding";
const EXPORTER_BYTES = 32;
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * WebSockets over TLS 1.3 for Node. Certificates are not judged here: a channel shows the key on the wire, and the
 * relay's statement must name it (docs/protocol.md §3.1).
 */
export const tlsTransport: Transport = { open };

function open(url: URL, events: ChannelEvents, signal: AbortSignal): Promise<Channel> {
  const plain = url.protocol === "ws:";
  if (plain && !isLoopbackHost(url.hostname)) {
    return Promise.reject(
      new ConnectionError("unreachable", "A connection without TLS is possible to this machine only"),
    );
  }
  if (signal.aborted) return Promise.reject(closedHere());

  const host = url.hostname.replace(/^\[|\]$/g, "");
  const target = { host, port: Number(url.port || (plain ? 80 : 443)) };
  let tlsSocket: TLSSocket | undefined;
  const connect = () => {
    if (plain) return connectTcp(target);
    tlsSocket = connectTls({
      ...target,
      servername: isIP(host) ? "" : host,
      minVersion: "TLSv1.3",
      rejectUnauthorized: false,
      ALPNProtocols: ["http/1.1"],
    });
    return tlsSocket;
  };
  const options: ClientOptions & { readonly closeTimeout: number } = {
    createConnection: connect,
    closeTimeout: CLOSE_TIMEOUT_MS,
    followRedirects: false,
    maxPayload: LIMITS.frameBytes,
    perMessageDeflate: false,
  };
  const socket = new WebSocket(url, [SUBPROTOCOL], options);

  return new Promise((resolve, reject) => {
    let opened = false;
    let closedByUs = false;
    let ended = false;
    const end = (error: ConnectionError) => {
      if (ended) return;
      ended = true;
      signal.removeEventListener("abort", abort);
      if (socket.readyState !== WebSocket.CLOSED) socket.terminate();
      if (opened) events.onEnd(error);
      else reject(error);
    };
    const abort = () => end(closedHere());
    signal.addEventListener("abort", abort);

    socket.on("unexpected-response", (request: ClientRequest, response: IncomingMessage) => {
      request.destroy();
      end(refusedUpgrade(url, response.statusCode ?? 0));
    });
    socket.on("error", (error: NodeJS.ErrnoException) => end(translated(error, url, opened)));
    socket.on("close", () =>
      end(closedByUs ? closedHere() : new ConnectionError("lost", `${url.host} closed the connection`)),
    );
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (ended) return;
      if (isBinary) events.onMessage(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      else end(new ConnectionError("not-a-relay", `${url.host} sent text where frames were expected`));
    });
    socket.on("open", () => {
      let binding: ReturnType<typeof channelBinding> | undefined;
      try {
        binding = tlsSocket && channelBinding(tlsSocket);
      } catch (error) {
        end(translated(error as NodeJS.ErrnoException, url, false));
        return;
      }
      opened = true;
      signal.removeEventListener("abort", abort);
      resolve({
        tlsSpkiHash: binding?.spkiHash,
        tlsExporter: binding?.exporter,
        tlsCertified: tlsSocket?.authorized,
        send: (bytes) => {
          if (socket.readyState === WebSocket.OPEN) socket.send(bytes);
        },
        pause: () => socket.pause(),
        resume: () => socket.resume(),
        close: (now = false) => {
          closedByUs = true;
          if (now) {
            end(closedHere());
            return;
          }
          socket.resume();
          socket.close();
        },
      });
    });
  });
}

/** A relay that is full or stopping, and a proxy whose relay is down, answer so. */
function refusedUpgrade({ host }: URL, status: number): ConnectionError {
  return status === 429 || status >= 500
    ? new ConnectionError("unreachable", `${host} takes no connections at the moment (HTTP ${status})`)
    : new ConnectionError("not-a-relay", `${host} answers, but not as a relay (HTTP ${status})`);
}

/** Throws when the key on the wire cannot be shown, whatever the reason: such a channel is of no use. */
function channelBinding(socket: TLSSocket): { spkiHash: Uint8Array; exporter: Uint8Array } {
  const key = socket.getPeerX509Certificate()?.publicKey;
  if (!key) throw new Error("TLS without a certificate");
  return {
    spkiHash: plainBytes(
      createHash("sha256")
        .update(key.export({ type: "spki", format: "der" }))
        .digest(),
    ),
    exporter: plainBytes(socket.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, Buffer.alloc(0))),
  };
}

function plainBytes(buffer: Buffer): Uint8Array {
  return Uint8Array.from(buffer);
}

function closedHere(): ConnectionError {
  return new ConnectionError("closed", "The connection was closed");
}

const REACHED_BUT_NO_RELAY = /^(?:Server sent|Invalid (?:Upgrade|Sec-WebSocket)|Unexpected server response)/;

const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: "there is no such name",
  EAI_AGAIN: "the name could not be looked up",
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "the connection was reset",
  EHOSTUNREACH: "there is no route to it",
  ENETUNREACH: "there is no network",
  ETIMEDOUT: "it does not answer",
};

/** Remote text (certificates, HTTP lines) is left out of the message. */
function translated(error: NodeJS.ErrnoException, url: URL, opened: boolean): ConnectionError {
  const code = error.code ?? "";
  const cause = { cause: error };
  if (code.startsWith("WS_ERR_") || code.startsWith("HPE_") || REACHED_BUT_NO_RELAY.test(error.message)) {
    return new ConnectionError("not-a-relay", `${url.host} answers, but not as a relay`, cause);
  }
  if (opened) return new ConnectionError("lost", `The connection to ${url.host} broke off`, cause);
  const reason = REASONS[code] ?? (/SSL|TLS|^EPROTO$/.test(code) ? "TLS failed" : "the connection failed");
  return new ConnectionError("unreachable", `${url.host} cannot be reached: ${reason}`, cause);
}
