// Clients that log in, listen, and then do nothing. For each line of input, that many more; prints "open" when they are.
import { createInterface } from "node:readline";
import type { NewAccount } from "@parley/trust";
import { addressOf, makeAccount, RawClient } from "../../packages/server/src/testing/raw-client.ts";
import { createRoomWith, resume } from "../../packages/server/src/testing/room-requests.ts";

const ACCOUNTS = 20;
const AT_ONCE = 32;

const url = process.argv[2] as string;
/** Loopback addresses, so that no address runs out of ports. */
const localAddressOf = (index: number) => `127.0.0.${1 + (index % 100)}`;
const accounts: NewAccount[] = [];
for (let index = 0; index < ACCOUNTS; index++) {
  const client = await RawClient.connect(url);
  const account = await makeAccount(`idle-${index}`);
  await client.register(account, `idle-${index}`);
  accounts.push(account);
  client.socket.terminate();
}
const [owner] = accounts as [NewAccount, ...NewAccount[]];
const first = await RawClient.connect(url);
await first.logIn(owner);
const room = await createRoomWith(first, accounts.slice(1).map(addressOf));

const open: RawClient[] = [];
async function openOne(index: number): Promise<void> {
  const client = await RawClient.connect(url, { localAddress: localAddressOf(index) });
  await client.logIn(accounts[index % ACCOUNTS] as NewAccount);
  await resume(client, [room], { inboxAfter: Number.MAX_SAFE_INTEGER, after: 1 });
  open.push(client);
  client.socket.once("close", () => {
    console.error("an idle client was disconnected");
    process.exit(1);
  });
}

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const target = open.length + Number(line);
  let next = open.length;
  const work = async () => {
    while (next < target) await openOne(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  console.log("open");
}
process.exit(0);
