// A steady load on a relay, cheap to make: argv = host, connections, messages per second in all. Each connection appends
// random bytes (to the relay, ciphertext) to a room of its own. Says "ready", runs until told to end.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RelayConnection } from "@parley/client";
import { connectRelay, createServerTrustCheck, deviceLogin, relayUrl, systemClock } from "@parley/client";
import { openStore, signUp, tlsTransport } from "@parley/client/node";
import { signerFromSeed } from "@parley/trust";
import { loadAccount, pinsOf } from "../../packages/client/src/node/account-folder.ts";

const MESSAGE_BYTES = 325;
const TICK_MS = 5;

const [host = "", connectionCount = "", perSecond = ""] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "parley-bench-"));
const lines: { readonly connection: RelayConnection; readonly room: Uint8Array }[] = [];
for (let n = 0; n < Number(connectionCount); n++) {
  const own = join(folder, `${n}`);
  const store = openStore(own);
  await signUp({
    folder: own,
    store,
    name: `load-${n}`,
    road: { host, introduction: { typed: `${host.split(":")[0]}!` } },
  });
  const account = loadAccount(store);
  if (!account) throw new Error("no account");
  const connection = await connectRelay({
    transport: tlsTransport,
    url: relayUrl(host),
    trust: createServerTrustCheck({ clock: systemClock, pins: pinsOf(store) }),
    login: deviceLogin({ device: account.device, signer: await signerFromSeed(account.deviceSeed) }),
    clock: systemClock,
    onDelivery: () => undefined,
  });
  const room = new Uint8Array(randomBytes(16));
  await connection.request({ kind: "create-room", room }, "done");
  lines.push({ connection, room });
}
process.send?.("ready");

const message = new Uint8Array(randomBytes(MESSAGE_BYTES));
const startMs = performance.now();
let sent = 0;
let answered = 0;
const timer = setInterval(() => {
  const due = ((performance.now() - startMs) / 1000) * Number(perSecond);
  for (; sent < due; sent++) {
    const line = lines[sent % lines.length];
    if (!line) return;
    const clientId = new Uint8Array(randomBytes(16));
    const request = {
      kind: "append",
      room: line.room,
      clientId,
      epoch: 0,
      proposal: false,
      message,
    } as const;
    line.connection.request(request, "appended").then(
      () => {
        answered += 1;
      },
      (error: unknown) => {
        throw error;
      },
    );
  }
}, TICK_MS);
await once(process, "message");
clearInterval(timer);
process.send?.({ perSecond: (answered * 1000) / (performance.now() - startMs) });
rmSync(folder, { recursive: true, force: true });
process.exit(0);
