import type { TlogProof } from "@parley/trust/tlog";
import { formatTlogProof, parseTilePath, proveInclusion } from "@parley/trust/tlog";
import type { TransparencyLog } from "./transparency-log.ts";

/** An answer over HTTP. `isFinal`: it never changes, and may be kept for ever. */
export interface LogHttpPage {
  readonly contentType: string;
  readonly body: Uint8Array;
  readonly isFinal: boolean;
}

const PREFIX = "/log/";
const TEXT = "text/plain; charset=utf-8";

/**
 * What the log shows to everybody (docs/protocol.md §8.2): `/log/checkpoint`, `/log/tile/…` (C2SP tlog-tiles; hashes
 * only) and `/log/server-chain`. Entries are for members. Undefined: there is nothing under this path.
 */
export async function logHttpPage(log: TransparencyLog, path: string): Promise<LogHttpPage | undefined> {
  if (!path.startsWith(PREFIX) || log.size === 0) return undefined;
  const name = path.slice(PREFIX.length);
  if (name === "checkpoint") return { contentType: TEXT, body: log.checkpoint, isFinal: false };
  if (name === "server-chain") return { contentType: TEXT, body: await serverChain(log), isFinal: false };
  const tile = parseTilePath(name);
  if (!tile || tile.level === "entries") return undefined;
  const { level, index, width } = tile;
  const body = log.tile({ level, index, width });
  return body && { contentType: "application/octet-stream", body, isFinal: true };
}

/** A tlog-proof for each entry of the server's own chain, oldest first, the entry as its `extra`; a `%` line between. */
async function serverChain(log: TransparencyLog): Promise<Uint8Array> {
  const { size, checkpoint } = log;
  const proofs: Uint8Array[] = [];
  for (const { number: index, entry } of log.serverEntries()) {
    const proof: TlogProof = {
      extra: entry,
      index,
      proof: await proveInclusion(index, size, log),
      checkpoint,
    };
    if (proofs.length > 0) proofs.push(Buffer.from("%\n"));
    proofs.push(formatTlogProof(proof));
  }
  return Buffer.concat(proofs);
}
