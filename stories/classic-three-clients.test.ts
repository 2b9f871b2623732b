import { ClassicRelay, MODP14 } from "@parley/classic";
import { ListeningClient, OriginalClient, OriginalServer, patientClock } from "@parley/classic/testing";
import { expect, onTestFinished, test } from "vitest";

const ADDRESS = "127.0.0.1";
const LINES = 200;
const NAMES = ["ann", "bob", "cyd"] as const;
type Name = (typeof NAMES)[number];

/** A client of either kind: what it has been shown, and what it can be told to do. */
type Talker = Pick<OriginalClient, "lines" | "send" | "waitForCount">;

interface Line {
  readonly from: Name;
  readonly text: string;
}

/** 200 lines of changing length, each from one of the three in turn; `tail` stands at the end of every seventh. */
function conversation(tail: string): Line[] {
  return Array.from({ length: LINES }, (_, i) => {
    const from = NAMES[i % NAMES.length] as Name;
    const filler = "and so on ".repeat(i % 13).trimEnd();
    return { from, text: `${from} ${i} ${filler}${i % 7 === 0 ? tail : "."}` };
  });
}

async function joinOurs(port: number): Promise<ListeningClient> {
  const client = await ListeningClient.join(port);
  onTestFinished(() => client[Symbol.asyncDispose]());
  return client;
}

async function joinOriginal(port: number): Promise<OriginalClient> {
  const client = await OriginalClient.join(port);
  onTestFinished(() => client[Symbol.dispose]());
  return client;
}

async function startRelay(): Promise<number> {
  const relay = await ClassicRelay.start({ port: 0, group: MODP14, clock: patientClock });
  onTestFinished(() => relay.close());
  return relay.port;
}

/** The parameters of an unmodified original server: its prime read together with M2Crypto's length in front of it. */
const ORIGINAL_MODULUS = (0x010100n << 2048n) | MODP14.p;
const ORIGINAL_GENERATOR = 258n;

async function startOriginal(): Promise<OriginalServer> {
  const server = await OriginalServer.start(ORIGINAL_MODULUS, ORIGINAL_GENERATOR);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

const isChat = (line: string) => line.startsWith(`${ADDRESS}: `);

function chatLines({ lines }: Talker): string[] {
  return lines.filter(isChat).map((line) => line.slice(`${ADDRESS}: `.length));
}

/** Everybody says all of theirs at once; everybody must be shown all of the others', whole and in their order. */
async function talk(talkers: Readonly<Record<Name, Talker>>, lines: readonly Line[]): Promise<void> {
  for (const { from, text } of lines) talkers[from].send(text);
  for (const name of NAMES) {
    const others = NAMES.filter((other) => other !== name);
    await talkers[name].waitForCount(lines.filter(({ from }) => from !== name).length, isChat);
    const shown = chatLines(talkers[name]);
    for (const other of others) {
      expect(shown.filter((line) => line.startsWith(other))).toEqual(
        lines.filter(({ from }) => from === other).map(({ text }) => text),
      );
    }
  }
}

async function joinAll<T extends Talker>(join: (port: number) => Promise<T>, port: number) {
  return { ann: await join(port), bob: await join(port), cyd: await join(port) };
}

test("our relay, our clients: three people and 200 lines, none lost, torn or out of order", async () => {
  const port = await startRelay();
  await talk(await joinAll(joinOurs, port), conversation(", grüße €"));
});

test("our relay, original clients: 200 lines typed without a pause arrive one in each read", async () => {
  const port = await startRelay();
  await talk(await joinAll(joinOriginal, port), conversation(", as ever"));
});

test("an original server, our clients: 200 lines, none of which costs the server a thread", async () => {
  const server = await startOriginal();
  const talkers = await joinAll(joinOurs, server.port);
  expect(talkers.ann.connection.warnings).toEqual([expect.stringContaining("2065 bits and is not prime")]);
  await talk(talkers, conversation(", greetings"));
  expect(server.faults).toEqual([]);
});

test("an original server relays what our clients say beyond ASCII", async () => {
  const server = await startOriginal();
  const talkers = await joinAll(joinOurs, server.port);
  const lines = conversation(", grüße €").slice(0, 30);
  await talk(talkers, lines);
  expect(server.faults).toEqual([]);
});

test("our relay, an original among our clients: each is served in its own way", async () => {
  const port = await startRelay();
  const talkers = {
    ann: await joinOurs(port),
    bob: await joinOriginal(port),
    cyd: await joinOurs(port),
  };
  await talk(talkers, conversation(", as ever"));
});
