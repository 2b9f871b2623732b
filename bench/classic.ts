// node bench/classic.ts serve: the relay alone in a process, for the bench in another.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { ClassicConnection, ClassicRelay, MODP14 } from "@parley/classic";
import type { BenchRow } from "./row.ts";

/** The original's own figures, measured on such a machine (classic-v1 §7). */
const ORIGINAL = { handshakesPerS: 2.2, deliveriesPerS: 2_447 };
const PEER = "SecureChat v1 in Python";
const HANDSHAKE_GOAL_PER_S = 220;
const DELIVERY_GOAL_PER_S = 122_350;

const HELLO_BYTES = 2064;
const PUBLIC_KEY_BYTES = 1024;
const HANDSHAKES = 3_000;
const HANDSHAKES_IN_FLIGHT = 16;
const MEMBERS = 50;
const SENDERS = 10;
const LINES_EACH = 1_000;
/** Lines that each sender may have under way: a load that fills no queue. */
const WINDOW = 50;

interface RelayProcess {
  readonly port: number;
  /** The relay's CPU time so far, in s. */
  cpuSeconds(): Promise<number>;
  stop(): Promise<void>;
}

async function serve(): Promise<void> {
  await using relay = await ClassicRelay.start({ port: 0, group: MODP14 });
  const say = (value: number) => process.stdout.write(`${value}\n`);
  say(relay.port);
  for await (const _line of createInterface({ input: process.stdin })) {
    const { user, system } = process.cpuUsage();
    say((user + system) / 1e6);
  }
}

async function startRelayProcess(): Promise<RelayProcess> {
  const child = spawn(process.execPath, [import.meta.filename, "serve"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => Number((await answers.next()).value);
  const port = await next();
  return {
    port,
    cpuSeconds() {
      child.stdin.write("cpu\n");
      return next();
    },
    async stop() {
      const exited = once(child, "exit");
      child.stdin.end();
      await exited;
    },
  };
}

/**
 * One handshake, answered with a ready-made public key, so that the load costs next to nothing beside the relay. It
 * ends when the relay closes the connection, after it has computed the key, made a member of us and seen us leave.
 */
async function shakeHands(port: number): Promise<void> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  let received = 0;
  let answered = false;
  socket.on("data", (chunk: Buffer) => {
    received += chunk.length;
    if (received < HELLO_BYTES || answered) return;
    answered = true;
    const publicKey = Buffer.alloc(PUBLIC_KEY_BYTES);
    publicKey.set(ANSWER, PUBLIC_KEY_BYTES - ANSWER.length);
    socket.end(publicKey);
  });
  await once(socket, "close");
}

/** Some public key of the group: any number from 2 to p − 2 costs the relay the same. */
const ANSWER = Buffer.alloc(255, 0x5a);

async function benchHandshakes(): Promise<BenchRow[]> {
  const relay = await startRelayProcess();
  try {
    let left = HANDSHAKES;
    const worker = async () => {
      while (left-- > 0) await shakeHands(relay.port);
    };
    const before = await relay.cpuSeconds();
    const startMs = performance.now();
    await Promise.all(Array.from({ length: HANDSHAKES_IN_FLIGHT }, worker));
    const elapsedS = (performance.now() - startMs) / 1000;
    const perCore = HANDSHAKES / ((await relay.cpuSeconds()) - before);
    return [
      row("classic: handshakes", HANDSHAKES / elapsedS, "1/s"),
      {
        ...row("classic: handshakes per core of the relay", perCore, "1/CPU s"),
        goal: HANDSHAKE_GOAL_PER_S,
        peer: PEER,
        ratio: perCore / ORIGINAL.handshakesPerS,
      },
    ];
  } finally {
    await relay.stop();
  }
}

/** Everybody hears everybody else; counts and checks that no line is lost, doubled or out of order. */
class Room {
  readonly #connections: ClassicConnection[] = [];
  /** For each member, the number of the last line heard of each sender. */
  readonly #heard: Int32Array[] = [];
  readonly #latencies: number[] = [];
  readonly #sentMs = Array.from({ length: SENDERS }, () => new Float64Array(LINES_EACH));
  readonly #sent = new Int32Array(SENDERS);
  /** For each sender, how many members have heard its newest lines to the end. */
  readonly #confirmed = new Int32Array(SENDERS);
  #deliveries = 0;
  #expected = Number.POSITIVE_INFINITY;
  readonly #done = Promise.withResolvers<void>();
  readonly #warm = Promise.withResolvers<void>();
  #warmMembers = 0;

  async join(port: number): Promise<void> {
    const member = this.#connections.length;
    this.#heard.push(new Int32Array(SENDERS).fill(-1));
    this.#connections.push(
      await ClassicConnection.open({
        host: "127.0.0.1",
        port,
        onText: (text) => this.#hear(member, text),
        onClose: (cause) => {
          if (cause !== undefined) this.#done.reject(cause);
        },
      }),
    );
  }

  /** One line to everybody, so that both ends of each connection have recognised each other. */
  async warmUp(): Promise<void> {
    this.#connections[0]?.send("good morning");
    await this.#warm.promise;
  }

  /** Sends everything and resolves to the deliveries once the last has arrived. */
  async talk(): Promise<{ deliveries: number; latenciesMs: number[] }> {
    this.#expected = SENDERS * LINES_EACH * (this.#connections.length - 1);
    for (let sender = 0; sender < SENDERS; sender++) this.#sendMore(sender);
    await this.#done.promise;
    return { deliveries: this.#deliveries, latenciesMs: this.#latencies.sort((a, b) => a - b) };
  }

  async leave(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }

  #sendMore(sender: number): void {
    const sent = this.#sent[sender] as number;
    const heardByAll = Math.floor((this.#confirmed[sender] as number) / (this.#connections.length - 1));
    const until = Math.min(LINES_EACH, heardByAll + WINDOW);
    for (let i = sent; i < until; i++) {
      (this.#sentMs[sender] as Float64Array)[i] = performance.now();
      this.#connections[sender]?.send(`#${sender} ${i} a line of some forty characters`);
    }
    this.#sent[sender] = Math.max(sent, until);
  }

  #hear(member: number, text: string): void {
    const hash = text.indexOf("#");
    if (hash === -1) {
      if (text.endsWith("good morning") && ++this.#warmMembers === MEMBERS - 1) this.#warm.resolve();
      return;
    }
    const [sender = 0, line = 0] = text
      .slice(hash + 1)
      .split(" ", 2)
      .map(Number);
    const heard = this.#heard[member] as Int32Array;
    if (line !== (heard[sender] as number) + 1) {
      this.#done.reject(new Error(`member ${member} heard line ${line} of ${sender} after ${heard[sender]}`));
    }
    heard[sender] = line;
    this.#deliveries++;
    if (this.#deliveries % 97 === 0) {
      this.#latencies.push(performance.now() - ((this.#sentMs[sender] as Float64Array)[line] as number));
    }
    const confirmed = ((this.#confirmed[sender] as number) += 1);
    if (confirmed % (this.#connections.length - 1) === 0) this.#sendMore(sender);
    if (this.#deliveries === this.#expected) this.#done.resolve();
  }
}

async function benchDeliveries(): Promise<BenchRow[]> {
  const relay = await startRelayProcess();
  const room = new Room();
  try {
    for (let i = 0; i < MEMBERS; i++) await room.join(relay.port);
    await room.warmUp();
    const before = await relay.cpuSeconds();
    const startMs = performance.now();
    const { deliveries, latenciesMs } = await room.talk();
    const elapsedS = (performance.now() - startMs) / 1000;
    const cpuS = (await relay.cpuSeconds()) - before;
    const quantile = (q: number) => latenciesMs[Math.floor((latenciesMs.length - 1) * q)] ?? 0;
    const perSecond = deliveries / elapsedS;
    const name = `classic: lossless deliveries, ${MEMBERS} of our clients`;
    return [
      {
        ...row(name, perSecond, "1/s"),
        goal: DELIVERY_GOAL_PER_S,
        peer: PEER,
        ratio: perSecond / ORIGINAL.deliveriesPerS,
      },
      row(`${name}: per core of the relay`, deliveries / cpuS, "1/CPU s"),
      { name: `${name}: p50`, value: Math.round(quantile(0.5) * 100) / 100, unit: "ms" },
      { name: `${name}: p99`, value: Math.round(quantile(0.99) * 100) / 100, unit: "ms" },
    ];
  } finally {
    await room.leave();
    await relay.stop();
  }
}

function row(name: string, value: number, unit: string): BenchRow {
  return { name, value: Math.round(value), unit };
}

/** SecureChat v1 between our own ends, beside what the Python original did: handshakes, and deliveries without a loss. */
export async function benchClassic(): Promise<readonly BenchRow[]> {
  return [...(await benchHandshakes()), ...(await benchDeliveries())];
}

if (process.argv[1] === import.meta.filename && process.argv[2] === "serve") await serve();
