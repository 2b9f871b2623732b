import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { Witness } from "@parley/trust/tlog";
import { noteVerifier, processAddCheckpoint, witnessCheckpointPath } from "@parley/trust/tlog";
import type { OpenWitness } from "./witness-folder.ts";

const MAX_BODY_BYTES = 300_000;
const REQUEST_TIMEOUT_MS = 10_000;
const TEXT = "text/plain; charset=utf-8";

/** A witness that listens. */
export interface WitnessServer {
  readonly port: number;
  /** Answers what is under way, then lets go of the port. */
  close(): Promise<void>;
}

/**
 * Serves a witness over HTTP (C2SP tlog-witness): `POST /add-checkpoint`, and for monitors `GET /<origin hash>/checkpoint`.
 * Rejects with the system's error when the port cannot be had.
 */
export async function serveWitness(
  open: OpenWitness,
  {
    host,
    port,
    onFault,
  }: { readonly host: string; readonly port: number; readonly onFault: (error: unknown) => void },
): Promise<WitnessServer> {
  const server = createServer((request, response) => {
    answer(open, request, response).catch((error: unknown) => {
      onFault(error);
      end(response, 500, TEXT, "internal error\n");
    });
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.listen({ host, port });
  await once(server, "listening");
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound ? bound.port : port,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeIdleConnections();
      await closed;
    },
  };
}

async function answer(open: OpenWitness, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === "POST" && request.url === "/add-checkpoint") {
    const body = await readBody(request);
    if (!body) return end(response, 413, TEXT, "too long\n");
    const answered = await processAddCheckpoint(witnessOf(open), body, Math.floor(Date.now() / 1000));
    return end(response, answered.status, answered.contentType, answered.body);
  }
  const checkpoint = request.method === "GET" ? await latest(open, request.url ?? "") : undefined;
  if (!checkpoint) return end(response, 404, TEXT, "not found\n");
  end(response, 200, TEXT, checkpoint);
}

/** Logs are read for each request, so that `add-log` beside a running witness takes effect. */
function witnessOf({ store, cosigner }: OpenWitness): Witness {
  const logs = new Map(
    [...store.logs()].map(([origin, vkeys]) => [origin, vkeys.map((vkey) => noteVerifier(vkey))] as const),
  );
  return { logs, cosigners: [cosigner], store };
}

async function latest({ store }: OpenWitness, path: string): Promise<Uint8Array | undefined> {
  const origin = [...store.logs().keys()].find((known) => path === `/${witnessCheckpointPath(known)}`);
  return origin === undefined ? undefined : (await store.load(origin))?.checkpoint;
}

async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request) {
    length += (part as Buffer).length;
    if (length > MAX_BODY_BYTES) return undefined;
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}

function end(response: ServerResponse, status: number, contentType: string, body: string | Uint8Array): void {
  response.writeHead(status, { "content-type": contentType, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
