import { expect, test } from "vitest";
import type { CommitChanges } from "./engine-types.ts";
import { allowing, Device, everyoneHears, hex, roomOf, text, utf8 } from "./test-room.ts";

const SUITES = [1, 3, 83] as const;

test.each(SUITES)(
  "members of a room read each other and nobody else's epoch looks the same, suite %i",
  async (suite) => {
    const [ana, bo, cleo] = (await roomOf(["ana", "bo", "cleo"], suite)) as [Device, Device, Device];
    const message = await ana.say("hello");
    const heard = await bo.hear(message);
    expect(heard).toMatchObject({
      kind: "application",
      epoch: 1n,
      sender: { leafIndex: 0, identity: utf8("ana") },
    });
    expect(await cleo.read(message)).toBe("hello");
    const before = hex(bo.group.epochAuthenticator);
    const draft = await cleo.commit();
    await everyoneHears([ana, bo], draft.commit);
    expect(hex(ana.group.epochAuthenticator)).toBe(hex(cleo.group.epochAuthenticator));
    expect(hex(bo.group.epochAuthenticator)).not.toBe(before);
    expect(await ana.group.exporter("parley", utf8("x"), 32)).toEqual(
      await bo.group.exporter("parley", utf8("x"), 32),
    );
  },
);

test("what a commit does is told before it is done, and a veto leaves the group where it was", async () => {
  const [ana, bo, cleo] = (await roomOf(["ana", "bo", "cleo"])) as [Device, Device, Device];
  const dan = new Device("dan", 1);
  const packed = await dan.keyPackage();
  const draft = await ana.commit({ add: [packed.keyPackage], remove: [cleo.group.ownLeafIndex] });
  const told: CommitChanges[] = [];
  const refuse = async (changes: CommitChanges) => {
    told.push(changes);
    await Promise.resolve();
    throw new Error("only on Mondays");
  };
  const before = new Map(bo.records);
  await expect(bo.group.process(draft.commit, refuse)).rejects.toMatchObject({
    code: "unauthorised",
    cause: new Error("only on Mondays"),
  });
  expect(bo.records).toEqual(before);
  expect(told).toHaveLength(1);
  expect(told[0]).toMatchObject({
    epoch: 1n,
    external: false,
    committer: { leafIndex: 0, identity: utf8("ana") },
    added: [{ leafIndex: 2, identity: utf8("dan"), signatureKey: packed.signatureKey, proposer: 0 }],
    removed: [{ leafIndex: 2, identity: utf8("cleo"), proposer: 0 }],
    updated: { before: { identity: utf8("ana") }, after: { identity: utf8("ana") } },
    policy: undefined,
  });
  expect(draft.changes).toEqual(told[0]);
  await bo.hear(draft.commit);
  expect(bo.group.members().map(({ identity }) => text(identity))).toEqual(["ana", "bo", "dan"]);
  await dan.join(draft, packed);
  expect(await dan.read(await bo.say("welcome"))).toBe("welcome");
});

test("a leaver's proposal is committed by another, and the leaver learns that it is out", async () => {
  const [ana, bo, cleo] = (await roomOf(["ana", "bo", "cleo"])) as [Device, Device, Device];
  const leaving = cleo.take(await cleo.group.propose({ kind: "remove", leafIndex: cleo.group.ownLeafIndex }));
  await everyoneHears([ana, bo], leaving.message);
  await expect(ana.group.encrypt(utf8("wait"))).rejects.toMatchObject({
    code: "pending-proposals",
    retryable: true,
  });
  const draft = await bo.commit();
  expect(draft.changes.removed).toMatchObject([{ leafIndex: 2, proposer: 2 }]);
  await ana.hear(draft.commit);
  expect(await cleo.hear(draft.commit)).toMatchObject({
    kind: "removed",
    changes: { committer: { leafIndex: 1 } },
  });
  expect(cleo.group.active).toBe(false);
  await expect(cleo.group.encrypt(utf8("anyone?"))).rejects.toMatchObject({ code: "removed" });
  expect([...cleo.records.keys()]).toEqual(["removed"]);
  await cleo.reload();
  expect(cleo.group.active).toBe(false);
  expect(await ana.read(await bo.say("gone"))).toBe("gone");
});

test("a leaver that commits leaves its own removal to others", async () => {
  const [ana, bo] = (await roomOf(["ana", "bo"])) as [Device, Device];
  const leaving = bo.take(await bo.group.propose({ kind: "remove", leafIndex: 1 }));
  await ana.hear(leaving.message);
  const draft = await bo.commit();
  expect(draft.changes.removed).toEqual([]);
  await ana.hear(draft.commit);
  expect(ana.group.pendingProposals()).toEqual([]);
});

test("the policy is in the group context and changes alone", async () => {
  const [ana, bo] = (await roomOf(["ana", "bo"])) as [Device, Device];
  const policy = utf8("admins only");
  await expect(ana.group.commit({ policy, remove: [1] })).rejects.toMatchObject({ code: "invalid" });
  const draft = await ana.commit({ policy });
  expect(draft.changes).toMatchObject({ policy, policyProposer: 0 });
  const seen: CommitChanges[] = [];
  await bo.hear(draft.commit, (changes) => void seen.push(changes));
  expect(seen[0]).toMatchObject({ policy, added: [], removed: [] });
  expect(bo.group.policy).toEqual(policy);
  const cleo = new Device("cleo", 1);
  const packed = await cleo.keyPackage();
  const welcome = await bo.commit({ add: [packed.keyPackage] });
  expect((await cleo.join(welcome, packed)).group.policy).toEqual(policy);
});

test("a device rejoins in its own place by an external commit", async () => {
  const [ana, bo, cleo] = (await roomOf(["ana", "bo", "cleo"], 83)) as [Device, Device, Device];
  const draft = await bo.engine.rejoin({
    groupInfo: await ana.group.groupInfo(),
    ratchetTree: ana.group.ratchetTree(),
    identityFor: bo.identityFor,
    formerLeaf: (members) => members.find(({ identity }) => text(identity) === "bo")?.leafIndex,
  });
  const seen: CommitChanges[] = [];
  await ana.hear(draft.commit, (changes) => void seen.push(changes));
  expect(seen[0]).toMatchObject({
    external: true,
    committer: { leafIndex: 1, identity: utf8("bo") },
    removed: [{ leafIndex: 1, identity: utf8("bo") }],
  });
  // The stale self of the same device sees itself removed.
  await bo.reload();
  const stale = await bo.group.process(draft.commit, allowing);
  expect(stale.result.kind).toBe("removed");
  await cleo.hear(draft.commit);
  bo.take(await bo.engine.admit(draft.pending));
  expect(await cleo.read(await bo.say("back"))).toBe("back");
  expect(await bo.read(await ana.say("good"))).toBe("good");
});

test("messages of the four last epochs are read, older ones and replays are told apart", async () => {
  const [ana, bo, cleo] = (await roomOf(["ana", "bo", "cleo"])) as [Device, Device, Device];
  const old = [await ana.say("epoch 1"), await ana.say("epoch 1 again")];
  await everyoneHears([ana, bo], (await cleo.commit({})).commit);
  const gone = await cleo.commit({ remove: [0] });
  await everyoneHears([ana, bo], gone.commit);
  for (let i = 0; i < 2; i += 1) await bo.hear((await cleo.commit()).commit);
  await bo.reload();
  expect(await bo.hear(old[0]!)).toMatchObject({
    kind: "application",
    epoch: 1n,
    sender: { identity: utf8("ana") },
  });
  await expect(bo.hear(old[0]!)).rejects.toMatchObject({ code: "replayed" });
  await bo.hear((await cleo.commit()).commit);
  await expect(bo.hear(old[1]!)).rejects.toMatchObject({
    code: "wrong-epoch",
    messageEpoch: 1n,
    groupEpoch: 6n,
  });
});

test("a message from an epoch ahead can be tried again later", async () => {
  const [ana, bo] = (await roomOf(["ana", "bo"])) as [Device, Device];
  const draft = await ana.commit();
  const message = await ana.say("ahead");
  await expect(bo.hear(message)).rejects.toMatchObject({ code: "future-epoch", retryable: true });
  await bo.hear(draft.commit);
  expect(await bo.read(message)).toBe("ahead");
});

test("a group shows nothing secret when it is printed", async () => {
  const [ana] = (await roomOf(["ana"])) as [Device];
  const { inspect } = await import("node:util");
  expect([inspect(ana.group), JSON.stringify(ana.group), String(ana.group)]).toMatchInlineSnapshot(`
    [
      "MLS group, epoch 0",
      ""MLS group, epoch 0"",
      "MLS group, epoch 0",
    ]
  `);
});
