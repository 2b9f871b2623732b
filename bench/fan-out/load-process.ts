// Clients of one room: CLIENTS listen, SENDERS of them also send, all together at most WINDOW messages ahead of what a
// sender has received. Prints "measuring", then the deliveries per second.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { clientFrame, encode } from "@parley/protocol";
import { WebSocket } from "ws";
import {
  addressOf,
  makeAccount,
  RawClient,
  transportOf,
} from "../../packages/server/src/testing/raw-client.ts";
import { createRoomWith, resume } from "../../packages/server/src/testing/room-requests.ts";
import { FrameCounter, NatsCounter } from "./frame-counter.ts";

const CLIENTS = 100;
const SENDERS = 20;
const WINDOW = 1600;
const MESSAGE_BYTES = 256;
const WARM_UP_MS = 1000;
const MEASURE_MS = 3000;
/** Tag of an `entry` among server frames. */
const ENTRY_TAG = 3;

interface Client {
  readonly socket: Socket;
  readonly counter: { count: number; push(chunk: Buffer): void };
  /** The bytes of one more message. */
  message(): Buffer;
}

/** A masked frame whose mask is zero: the payload as it is. */
function clientFrameOf(payload: Uint8Array): Buffer {
  const isShort = payload.length < 126;
  const header = Buffer.alloc(isShort ? 6 : 8);
  header[0] = 0x82;
  header[1] = 0x80 | (isShort ? payload.length : 126);
  if (!isShort) header.writeUInt16BE(payload.length, 2);
  return Buffer.concat([header, payload]);
}

/** Takes the connection from `ws`, whose parsing would cost more than the server's work. */
function takeOver(socket: WebSocket): Socket {
  const transport = transportOf(socket);
  transport.removeAllListeners("data");
  return transport;
}

async function parleyClients(url: string): Promise<Client[]> {
  const members: { client: RawClient; address: ReturnType<typeof addressOf> }[] = [];
  for (let index = 0; index < CLIENTS; index++) {
    const account = await makeAccount(`bench-${index}`);
    const client = await RawClient.connect(url);
    await client.register(account, `bench-${index}`);
    members.push({ client, address: addressOf(account) });
  }
  const [first, ...others] = members as [(typeof members)[0], ...typeof members];
  const room = await createRoomWith(
    first.client,
    others.map(({ address }) => address),
  );
  for (const { client } of members) {
    await resume(client, [room], { after: 1 });
    await client.until(() => client.deliveries.some(({ kind }) => kind === "live"));
    if (client !== first.client)
      await client.until(() => client.deliveries.some(({ kind }) => kind === "inbox-item"));
  }
  return members.map(({ client }) => {
    const request = { kind: "append", room, epoch: 1, proposal: false } as const;
    const fixed = { ...request, clientId: randomBytes(16), message: randomBytes(MESSAGE_BYTES) };
    const template = clientFrameOf(encode(clientFrame, { id: 0, request: fixed }));
    const headerBytes = 8;
    const clientIdAt = headerBytes + 4 + 1 + 16;
    let id = 100;
    const message = () => {
      const frame = Buffer.from(template);
      frame.writeUInt32BE(id, headerBytes);
      frame.writeUInt32BE(id++, clientIdAt);
      return frame;
    };
    return { socket: takeOver(client.socket), counter: new FrameCounter(ENTRY_TAG), message };
  });
}

async function wsClients(url: string): Promise<Client[]> {
  const clients: Client[] = [];
  const frame = clientFrameOf(randomBytes(MESSAGE_BYTES));
  for (let index = 0; index < CLIENTS; index++) {
    const socket = new WebSocket(url);
    await once(socket, "open");
    clients.push({ socket: takeOver(socket), counter: new FrameCounter(), message: () => frame });
  }
  return clients;
}

async function natsClients(port: number): Promise<Client[]> {
  const publish = Buffer.concat([
    Buffer.from(`PUB room ${MESSAGE_BYTES}\r\n`),
    Buffer.alloc(MESSAGE_BYTES, "x"),
    Buffer.from("\r\n"),
  ]);
  const clients: Client[] = [];
  for (let index = 0; index < CLIENTS; index++) {
    const socket = connect(port, "127.0.0.1");
    socket.setNoDelay();
    await once(socket, "data");
    socket.write('CONNECT {"verbose":false,"pedantic":false}\r\nSUB room 1\r\nPING\r\n');
    await once(socket, "data");
    clients.push({ socket, counter: new NatsCounter(), message: () => publish });
  }
  return clients;
}

const [system, target] = process.argv.slice(2) as [string, string];
const clients =
  system === "parley"
    ? await parleyClients(target)
    : system === "ws"
      ? await wsClients(target)
      : await natsClients(Number(target));

let sent = 0;
for (const [index, { socket, counter, message }] of clients.entries()) {
  const pump = () => {
    const batch: Buffer[] = [];
    while (sent - counter.count < WINDOW && batch.length < WINDOW / SENDERS) {
      sent++;
      batch.push(message());
    }
    if (batch.length > 0) socket.write(Buffer.concat(batch));
  };
  socket.on("data", (chunk: Buffer) => {
    counter.push(chunk);
    if (index < SENDERS) pump();
  });
  socket.on("close", () => {
    console.error("a client was disconnected");
    process.exit(1);
  });
  if (index < SENDERS) setImmediate(pump);
}
const delivered = () => clients.reduce((sum, { counter }) => sum + counter.count, 0);
await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
console.log("measuring");
const before = delivered();
const startMs = performance.now();
const usage = process.cpuUsage();
await new Promise((resolve) => setTimeout(resolve, MEASURE_MS));
const elapsedMs = performance.now() - startMs;
const { user, system: kernel } = process.cpuUsage(usage);
const perSecond = ((delivered() - before) / elapsedMs) * 1000;
console.log(JSON.stringify({ perSecond, loadCpu: (user + kernel) / 1000 / elapsedMs }));
process.exit(0);
