/**
 * The process that kill.test.ts kills: appends and commits to many rooms as fast as it can and writes a line for each
 * acknowledgement. Arguments: the database file, and a number that makes this run's ids its own.
 */
import { createHash } from "node:crypto";
import { writeSync } from "node:fs";
import type { RelayStore } from "../contract.ts";
import { openSqliteStore } from "./store.ts";

/** Number of rooms and of senders. */
const WRITERS = 12;

/** 16 bytes that follow from `text`. */
function identifier(text: string): Uint8Array {
  return createHash("sha256").update(text).digest().subarray(0, 16);
}

const sender = { account: new Uint8Array(32).fill(7), device: 1 };

async function write(store: RelayStore, run: string, writer: number): Promise<void> {
  const room = identifier(`room ${writer}`);
  const record = await store.roomRecord(room);
  if (!record) await store.createRoom({ room, creator: sender, nowMs: 1 });
  let epoch = record?.epoch ?? 0;
  for (let n = 0; ; n++) {
    const clientId = identifier(`${run} ${writer} ${n}`);
    const message = new Uint8Array(40 + ((n * 37) % 500)).fill(n);
    const fields = { room, sender, clientId, epoch, message, nowMs: n };
    const acknowledged =
      n % 20 === 7
        ? await store.acceptCommit({
            ...fields,
            replaces: 0,
            added: [{ device: { account: accountOf(clientId), device: 1 }, item: clientId }],
            removed: [{ account: new Uint8Array(32).fill(9), device: 1 }],
            ratchetTree: message,
            groupInfo: message,
          })
        : await store.append({ ...fields, kind: "application" });
    if (n % 20 === 7) {
      epoch++;
      if (n % 40 === 7) await store.deliverPending(room);
    }
    const digest = createHash("sha256").update(acknowledged.entry).digest("hex");
    writeSync(1, `${writer} ${acknowledged.seq} ${digest}\n`);
  }
}

/** The account that a commit adds: its client id, twice. */
function accountOf(clientId: Uint8Array): Uint8Array {
  return Buffer.concat([clientId, clientId]);
}

const [path, run] = process.argv.slice(2);
if (!path || !run) throw new Error("usage: killed-writer.ts PATH RUN");
const store = openSqliteStore({ path, maxUnsettledEntries: 100 });
await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(store, run, writer)));
