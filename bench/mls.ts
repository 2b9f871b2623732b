import type {
  CommitRequest,
  Group,
  MlsEngine,
  StateChange,
  Suite,
} from "../packages/client/src/mls/index.ts";
import { createMlsEngine } from "../packages/client/src/mls/index.ts";
import { nodeCrypto } from "../packages/client/src/mls/node.ts";
import { warmRoom } from "../packages/client/src/mls/warm-room.ts";
import type { BenchRow } from "./row.ts";

const MEASUREMENTS = 5;
const MESSAGE_BYTES = 256;
const MESSAGES = 3_000;

const trusting = { validateLeaf: async () => true };
const allowing = (): void => undefined;
const identity = new TextEncoder().encode(`newcomer ${"of an account, signed ".repeat(5)}`);

const ROOMS: readonly { readonly suite: Suite; readonly members: number; readonly goals?: Goals }[] = [
  { suite: 1, members: 10 },
  { suite: 1, members: 100 },
  { suite: 1, members: 500 },
  { suite: 83, members: 250, goals: { join: 200, commit: 60, process: 50 } },
];

interface Goals {
  readonly join: number;
  readonly commit: number;
  readonly process: number;
}

const SUITE_NAMES: Record<Suite, string> = { 1: "suite 1", 3: "suite 3", 83: "X-Wing" };

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function timed<Value>(work: () => Promise<Value>): Promise<[Value, ms: number]> {
  const started = performance.now();
  const value = await work();
  return [value, performance.now() - started];
}

function bytesIn(changes: readonly StateChange[]): number {
  return changes.reduce((sum, change) => sum + (change.kind === "put" ? change.bytes.length : 0), 0);
}

/** The MLS engine alone: no network, no disk. Rooms are warm: every parent node of the tree is filled. */
export async function benchMls(): Promise<BenchRow[]> {
  const engine = createMlsEngine({
    crypto: nodeCrypto,
    authenticationService: trusting,
    nowMs: () => Date.now(),
  });
  const rows: BenchRow[] = [];
  for (const suite of [1, 83] as const)
    rows.push(...(await messages(suite)), await keyPackages(engine, suite));
  for (const { suite, members, goals } of ROOMS) rows.push(...(await room(engine, suite, members, goals)));
  return rows;
}

async function messages(suite: Suite): Promise<BenchRow[]> {
  const at = await warmRoom(suite, 10, trusting);
  let [sender, reader] = [await at(0), await at(1)];
  const plaintext = new Uint8Array(MESSAGE_BYTES);
  const sealed: Uint8Array[] = [];
  let written = 0;
  const round = async (): Promise<[encryptMs: number, decryptMs: number]> => {
    sealed.length = 0;
    const [, encryptMs] = await timed(async () => {
      for (let i = 0; i < MESSAGES; i += 1) {
        const step = await sender.encrypt(plaintext);
        written = bytesIn(step.changes);
        sealed.push(step.result.message);
        sender = step.settle();
      }
    });
    const [, decryptMs] = await timed(async () => {
      for (const message of sealed) reader = (await reader.process(message, allowing)).settle();
    });
    return [encryptMs, decryptMs];
  };
  for (let i = 0; i < 2; i += 1) await round();
  const rounds = [await round(), await round(), await round()];
  const perSecond = (ms: number) => (MESSAGES / ms) * 1000;
  const name = `${SUITE_NAMES[suite]}, ${MESSAGE_BYTES} B`;
  return [
    {
      name: `encrypt (${name})`,
      value: perSecond(median(rounds.map(([ms]) => ms))),
      unit: "messages/s",
      goal: 9_000,
    },
    {
      name: `decrypt (${name})`,
      value: perSecond(median(rounds.map(([, ms]) => ms))),
      unit: "messages/s",
      goal: 3_000,
    },
    { name: `stored for one message (${SUITE_NAMES[suite]})`, value: written, unit: "bytes", goal: 200 },
    { name: `message on the wire (${name})`, value: sealed[0]?.length ?? 0, unit: "bytes" },
  ];
}

async function keyPackages(engine: MlsEngine, suite: Suite): Promise<BenchRow> {
  const packages = 200;
  const [, ms] = await timed(async () => {
    for (let i = 0; i < packages; i += 1)
      await engine.generateKeyPackage({ suite, identityFor: () => identity });
  });
  return { name: `key packages made (${SUITE_NAMES[suite]})`, value: (packages / ms) * 1000, unit: "per s" };
}

type Times = Record<
  | "add"
  | "addProcess"
  | "join"
  | "update"
  | "updateProcess"
  | "remove"
  | "removeProcess"
  | "merge"
  | "restore",
  number
>;

async function room(engine: MlsEngine, suite: Suite, members: number, goals?: Goals): Promise<BenchRow[]> {
  const at = await warmRoom(suite, members, trusting);
  const all: Times[] = [];
  let sizes: BenchRow[] = [];
  const name = `${SUITE_NAMES[suite]}, ${members} members`;
  for (let i = 0; i < MEASUREMENTS; i += 1) {
    const measured = await oneRound(engine, suite, at);
    all.push(measured.times);
    sizes = Object.entries(measured.sizes).map(([what, value]) => ({
      name: `${what} (${name})`,
      value,
      unit: "bytes",
    }));
  }
  const row = (what: keyof Times, title: string, goal?: number): BenchRow => {
    const figure = { name: `${title} (${name})`, value: median(all.map((times) => times[what])), unit: "ms" };
    return goal === undefined ? figure : { ...figure, goal };
  };
  return [
    row("join", "join by Welcome", goals?.join),
    row("update", "commit that renews keys", goals?.commit),
    row("updateProcess", "process it", goals?.process),
    row("merge", "merge the own one"),
    row("add", "commit that adds one", goals?.commit),
    row("addProcess", "process it, adding", goals?.process),
    row("remove", "commit that removes one", goals?.commit),
    row("removeProcess", "process it, removing", goals?.process),
    row("restore", "restore from records"),
    ...sizes,
  ];
}

/** The groups are values: each figure is taken from the same two, of which only drafts are settled. */
async function oneRound(
  engine: MlsEngine,
  suite: Suite,
  at: (leafIndex: number) => Promise<Group>,
): Promise<{ times: Times; sizes: Record<string, number> }> {
  const newcomer = await engine.generateKeyPackage({ suite, identityFor: () => identity });
  let committer = await at(2);
  const witness = await at(5);
  const commit = async (request: CommitRequest) => {
    const [step, draftMs] = await timed(() => committer.commit(request));
    committer = step.settle();
    const [processed, processMs] = await timed(() => witness.process(step.result.commit, allowing));
    return { draft: step.result, draftMs, processed, processMs };
  };
  const add = await commit({ add: [newcomer.keyPackage] });
  const { welcome, ratchetTree } = add.draft;
  if (welcome === undefined) throw new Error("nobody was added");
  const { keyPackage, secret } = newcomer;
  const [joined, join] = await timed(() => engine.join({ welcome, ratchetTree, keyPackage, secret }));
  const remove = await commit({ remove: [1] });
  const update = await commit({});
  const [, merge] = await timed(() => committer.merge(update.draft.pending));
  const records = new Map(
    joined.changes.flatMap((change) => (change.kind === "put" ? [[change.key, change.bytes]] : [])),
  );
  const [, restore] = await timed(() => engine.restore(records));
  return {
    times: {
      add: add.draftMs,
      addProcess: add.processMs,
      join,
      update: update.draftMs,
      updateProcess: update.processMs,
      remove: remove.draftMs,
      removeProcess: remove.processMs,
      merge,
      restore,
    },
    sizes: {
      "renewing commit": update.draft.commit.length,
      Welcome: welcome.length,
      "ratchet tree": ratchetTree.length,
      "stored state": bytesIn(joined.changes),
      "stored for one commit": bytesIn(update.processed.changes),
    },
  };
}

if (import.meta.main) for (const row of await benchMls()) console.log(row);
