import fc from "fast-check";
import { expect, test } from "vitest";
import { encryptMessage } from "./drafting.ts";
import type { Group, StateChange, Step } from "./engine-types.ts";
import { restoreState } from "./epoch-records.ts";
import { MlsError } from "./errors.ts";
import { makeStep } from "./group.ts";
import { spoil, spoiling } from "./mutants.ts";
import { nodeCrypto } from "./node.ts";
import { requireActive } from "./operation.ts";
import { allowing, Device, everyoneHears, roomOf, text, trusting, utf8 } from "./test-room.ts";

const bytesIn = (changes: readonly StateChange[]): number =>
  changes.reduce((sum, change) => sum + (change.kind === "put" ? change.bytes.length : 0), 0);

test.each([
  { suite: 1 as const, mostBytes: 100 },
  { suite: 83 as const, mostBytes: 200 },
])(
  "a message writes one record of at most $mostBytes bytes, sent or received (suite $suite)",
  async ({ suite, mostBytes }) => {
    const [ana, bo] = (await roomOf(["ana", "bo", "cleo", "dan", "eli"], suite)) as [Device, Device];
    const sent = await ana.group.encrypt(utf8("hello"));
    expect(sent.changes).toMatchObject([{ kind: "put", key: "epoch/1/ratchet/0" }]);
    expect(bytesIn(sent.changes)).toBeLessThanOrEqual(mostBytes);
    const received = await bo.group.process(ana.take(sent).message, allowing);
    expect(received.changes).toMatchObject([{ kind: "put", key: "epoch/1/ratchet/0" }]);
    expect(bytesIn(received.changes)).toBeLessThanOrEqual(mostBytes);
  },
);

test("a commit writes the nodes it changed, not the whole tree", async () => {
  const names = Array.from({ length: 32 }, (_, i) => `member ${i}`);
  const room = await roomOf(names);
  const [ana, bo] = room as [Device, Device];
  await everyoneHears(room.slice(1), (await ana.commit()).commit);
  const draft = await ana.commit();
  const step = await bo.group.process(draft.commit, allowing);
  const nodes = step.changes.flatMap((change) =>
    change.kind === "put" && change.key.startsWith("tree/") ? [change.key] : [],
  );
  expect(nodes.sort()).toEqual(["tree/0", "tree/1", "tree/15", "tree/3", "tree/31", "tree/7"]);
});

test("former epochs are stored without their tree, and no more than four of them", async () => {
  const room = await roomOf(["ana", "bo", "cleo"]);
  const [ana, bo, cleo] = room as [Device, Device, Device];
  for (let i = 0; i < 7; i += 1) await everyoneHears([bo, cleo], (await ana.commit()).commit);
  const epochs = new Set([...bo.records.keys()].flatMap((key) => key.match(/^epoch\/(\d+)\//)?.[1] ?? []));
  expect([...epochs].sort()).toEqual(["4", "5", "6", "7", "8"]);
  expect([...bo.records.keys()].filter((key) => key.startsWith("tree/")).length).toBe(5);
});

/** Every way a group can move, from a room of two and what is on its way to the second. */
const MOVES: Record<string, (ana: Device, bo: Device) => Promise<Step<unknown, Group>>> = {
  encrypt: async (_, bo) => bo.group.encrypt(utf8("hello")),
  "hear a message": async (ana, bo) => bo.group.process(await ana.say("hello"), allowing),
  propose: async (_, bo) => bo.group.propose({ kind: "remove", leafIndex: 0 }),
  "draft a commit": async (_, bo) => bo.group.commit({}),
  "merge a commit": async (_, bo) => {
    const { pending } = bo.take(await bo.group.commit({}));
    return bo.group.merge(pending);
  },
  "hear a commit": async (ana, bo) => bo.group.process((await ana.commit()).commit, allowing),
  "be removed": async (ana, bo) => bo.group.process((await ana.commit({ remove: [1] })).commit, allowing),
};

test.each(Object.entries(MOVES))(
  "when the store fails, the group is as usable as before: %s",
  async (_, move) => {
    const [ana, bo] = (await roomOf(["ana", "bo"])) as [Device, Device];
    const waiting = await ana.say("waiting");
    const lost = await move(ana, bo);
    expect(lost.changes.length).toBeGreaterThan(0);
    // The disk is full: the step is dropped. The same message as before, and the same group, still do.
    if (!bo.group.active) throw new Error("the group moved without being settled");
    expect(await bo.read(waiting)).toBe("waiting");
    expect(bo.take(await bo.group.encrypt(utf8("still here"))).message.length).toBeGreaterThan(0);
  },
);

test.each(Object.entries(MOVES))(
  "after settling, stored and living group are one: %s",
  async (name, move) => {
    const [ana, bo] = (await roomOf(["ana", "bo"])) as [Device, Device];
    bo.take(await move(ana, bo));
    const restored = await bo.engine.restore(bo.records);
    expect(restored.epoch).toBe(bo.group.epoch);
    expect(restored.active).toBe(bo.group.active);
    expect(restored.members()).toEqual(bo.group.members());
    if (name === "be removed") return;
    expect(restored.pendingProposals()).toEqual(bo.group.pendingProposals());
    expect(restored.epochAuthenticator).toEqual(bo.group.epochAuthenticator);
  },
);

test("a crash between drafting and the relay's answer leaves both ways open", async () => {
  const [ana, bo] = (await roomOf(["ana", "bo"])) as [Device, Device];
  const draft = bo.take(await bo.group.commit({}));
  const whileWaiting = await ana.say("while you were away");
  await bo.reload();
  expect(await bo.read(whileWaiting)).toBe("while you were away");
  await bo.reload();
  bo.take(await bo.group.merge(draft.pending));
  await expect(bo.hear(whileWaiting)).rejects.toMatchObject({ code: "replayed" });
  await ana.hear(draft.commit);
  expect(await ana.read(await bo.say("merged"))).toBe("merged");

  const lost = bo.take(await bo.group.commit({}));
  await bo.reload();
  await bo.hear((await ana.commit()).commit);
  await expect(bo.group.merge(lost.pending)).rejects.toMatchObject({ code: "wrong-epoch" });
  expect(await bo.read(await ana.say("on we go"))).toBe("on we go");
});

test("a draft that was never sent costs no key: the next one in the same epoch is read", async () => {
  const [ana, bo] = (await roomOf(["ana", "bo"])) as [Device, Device];
  bo.take(await bo.group.commit({}));
  const second = bo.take(await bo.group.commit({}));
  // Each took a key of its own: the handshake ratchet, first in its record, has moved twice.
  const record = bo.records.get("epoch/1/ratchet/1")!;
  expect(new DataView(record.buffer, record.byteOffset).getUint32(0)).toBe(2);
  await ana.hear(second.commit);
  bo.take(await bo.group.merge(second.pending));
  expect(await ana.read(await bo.say("second try"))).toBe("second try");
});

test("used-up secrets are zeroed when a step is settled, and not before", async () => {
  const [ana] = (await roomOf(["ana", "bo"])) as [Device];
  const surroundings = { crypto: nodeCrypto, authenticationService: trusting, nowMs: () => Date.now() };
  const state = await restoreState(nodeCrypto, ana.records);
  const outcome = await encryptMessage(surroundings, requireActive(state), { plaintext: utf8("once") });
  expect(outcome.spent.length).toBeGreaterThanOrEqual(2);
  const zeroed = () => outcome.spent.map((secret) => secret.every((byte) => byte === 0));
  expect(zeroed()).not.toContain(true);
  makeStep(surroundings, outcome, () => undefined).settle();
  expect(zeroed()).not.toContain(false);
});

test("the secret that read a message is nowhere in the store afterwards", async () => {
  const [ana, bo] = (await roomOf(["ana", "bo"])) as [Device, Device];
  const stored = bo.records.get("epoch/1/ratchet/0")!.slice();
  bo.take(await bo.group.process(await ana.say("once"), allowing));
  const secret = Buffer.from(stored.subarray(stored.length - 32));
  expect([...bo.records.values()].some((bytes) => Buffer.from(bytes).includes(secret))).toBe(false);
});

test("what is read after a gap can't be read again from the stored state, nor the messages in the gap", async () => {
  const [ana, bo] = (await roomOf(["ana", "bo"])) as [Device, Device];
  const messages = [];
  for (let i = 0; i < 6; i += 1) messages.push(await ana.say(`message ${i}`));
  expect(await bo.read(messages[5]!)).toBe("message 5");
  const ratchet = bo.records.get("epoch/1/ratchet/0")!;
  // Two generations and two secrets are all there is: nothing was kept for the skipped five.
  expect(ratchet.length).toBe(2 * (4 + 4 + 32));
  await bo.reload();
  for (const message of messages) await expect(bo.hear(message)).rejects.toMatchObject({ code: "replayed" });
});

test("the sender of a late message is who held the leaf then", async () => {
  const [ana, bo, cleo] = (await roomOf(["ana", "bo", "cleo"])) as [Device, Device, Device];
  const late = await cleo.say("before I was replaced");
  const dan = new Device("dan", 1);
  const packed = await dan.keyPackage();
  const draft = await ana.commit({ remove: [2], add: [packed.keyPackage] });
  await bo.hear(draft.commit);
  await bo.reload();
  expect(bo.group.members().map(({ identity }) => text(identity))).toEqual(["ana", "bo", "dan"]);
  expect(await bo.hear(late)).toMatchObject({ sender: { leafIndex: 2, identity: utf8("cleo") } });
});

test.each([2 ** 14 + 1, 2 ** 32 - 1])(
  "a stored tree of %i nodes is refused before it takes memory",
  async (width) => {
    const [ana] = (await roomOf(["ana", "bo"])) as [Device];
    const state = ana.records.get("state")!.slice();
    new DataView(state.buffer).setUint32(9, width);
    const restored = ana.engine.restore(new Map(ana.records).set("state", state));
    await expect(restored).rejects.toMatchObject({ code: "corrupt", message: "the stored tree is too wide" });
  },
);

test("damaged records are refused by a typed error, or give a group that still behaves", async () => {
  const room = await roomOf(["ana", "bo", "cleo"]);
  const [ana, bo, cleo] = room as [Device, Device, Device];
  await everyoneHears([bo, cleo], (await ana.commit()).commit);
  const keys = [...bo.records.keys()];
  const message = await ana.say("hello");
  const asWords = async (records: Map<string, Uint8Array>) => {
    const heard = await (await bo.engine.restore(records)).process(message, allowing);
    return heard.result.kind === "application" ? text(heard.result.plaintext) : heard.result.kind;
  };
  await fc.assert(
    fc.asyncProperty(fc.nat(), spoiling, async (which, how) => {
      const key = keys[which % keys.length] ?? "";
      const records = new Map(bo.records).set(key, spoil(bo.records.get(key) ?? new Uint8Array(0), how));
      const outcome: unknown = await asWords(records).catch((error: unknown) => error);
      if (outcome !== "hello") expect(outcome).toBeInstanceOf(MlsError);
    }),
    { numRuns: 300 },
  );
  expect(await asWords(bo.records)).toBe("hello");
});
