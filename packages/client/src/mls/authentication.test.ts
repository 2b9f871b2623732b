import { expect, test } from "vitest";
import type { AuthenticationService, LeafClaim, LeafSituation } from "./engine-types.ts";
import { allowing, Device, roomOf, text, utf8 } from "./test-room.ts";

type Question = { name: string; situation: LeafSituation };

/** Refuses one name, and remembers what it was asked. */
function refusing(refused: string): AuthenticationService & { asked: Question[] } {
  const asked: Question[] = [];
  return {
    asked,
    async validateLeaf({ identity, situation }: LeafClaim & { situation: LeafSituation }) {
      asked.push({ name: text(identity), situation });
      return text(identity) !== refused;
    },
  };
}

const refusal = { code: "unauthenticated" };

test("a key package whose credential is refused is never added", async () => {
  const ana = await new Device("ana", 1, refusing("eve")).create();
  const eve = await new Device("eve", 1).keyPackage();
  await expect(ana.group.commit({ add: [eve.keyPackage] })).rejects.toMatchObject(refusal);
  expect(ana.group.members()).toHaveLength(1);
});

test("a received commit that adds a refused credential is refused, and so is the proposal", async () => {
  const ana = await new Device("ana", 1).create();
  const service = refusing("eve");
  const bo = new Device("bo", 1, service);
  const packed = await bo.keyPackage();
  await bo.join(await ana.commit({ add: [packed.keyPackage] }), packed);
  service.asked.length = 0;
  const eve = await new Device("eve", 1).keyPackage();
  const draft = ana.take(await ana.group.commit({ add: [eve.keyPackage] }));
  await expect(bo.group.process(draft.commit, allowing)).rejects.toMatchObject(refusal);
  expect(service.asked).toContainEqual({ name: "eve", situation: "entering" });
  const proposal = ana.take(await ana.group.propose({ kind: "add", keyPackage: eve.keyPackage }));
  await expect(bo.group.process(proposal.message, allowing)).rejects.toMatchObject(refusal);
});

test("a room with a refused member can't be joined, by Welcome or from outside", async () => {
  const [ana, eve] = (await roomOf(["ana", "eve"])) as [Device, Device];
  const service = refusing("eve");
  const bo = new Device("bo", 1, service);
  const packed = await bo.keyPackage();
  const draft = await ana.commit({ add: [packed.keyPackage] });
  await expect(bo.join(draft, packed)).rejects.toMatchObject(refusal);
  expect(service.asked).toContainEqual({ name: "eve", situation: "present" });
  await eve.hear(draft.commit);
  const rejoin = bo.engine.rejoin({
    groupInfo: await ana.group.groupInfo(),
    ratchetTree: ana.group.ratchetTree(),
    identityFor: bo.identityFor,
    formerLeaf: () => undefined,
  });
  await expect(rejoin).rejects.toMatchObject(refusal);
});

test("every committer is asked about, in commits without a path too", async () => {
  const ana = await new Device("ana", 1).create();
  const service = refusing("nobody");
  const bo = new Device("bo", 1, service);
  const packed = await bo.keyPackage();
  await bo.join(await ana.commit({ add: [packed.keyPackage] }), packed);
  const cleo = await new Device("cleo", 1).keyPackage();
  service.asked.length = 0;
  const addOnly = await ana.commit({ add: [cleo.keyPackage] });
  expect(addOnly.changes.updated).toBeUndefined();
  await bo.hear(addOnly.commit);
  expect(service.asked).toEqual([
    { name: "cleo", situation: "entering" },
    { name: "ana", situation: "committing" },
  ]);
  service.asked.length = 0;
  await bo.hear((await ana.commit()).commit);
  expect(service.asked).toEqual([
    { name: "ana", situation: "entering" },
    { name: "ana", situation: "committing" },
  ]);
});

test("an external commit by a refused device is refused, also when it would remove us", async () => {
  const ana = await new Device("ana", 1).create();
  const bo = new Device("bo", 1, refusing("eve"));
  const packed = await bo.keyPackage();
  await bo.join(await ana.commit({ add: [packed.keyPackage] }), packed);
  const eve = new Device("eve", 1);
  for (const formerLeaf of [undefined, bo.group.ownLeafIndex]) {
    const draft = await eve.engine.rejoin({
      groupInfo: await ana.group.groupInfo(),
      ratchetTree: ana.group.ratchetTree(),
      identityFor: eve.identityFor,
      formerLeaf: () => formerLeaf,
    });
    await expect(bo.group.process(draft.commit, allowing)).rejects.toMatchObject(refusal);
  }
});

test("a service that fails lets nobody in", async () => {
  const outage = new Error("the replica is stale");
  const ana = await new Device("ana", 1, { validateLeaf: () => Promise.reject(outage) }).create();
  const bo = await new Device("bo", 1).keyPackage();
  await expect(ana.group.commit({ add: [bo.keyPackage] })).rejects.toMatchObject({
    ...refusal,
    cause: outage,
  });
});

test("only `true` admits", async () => {
  const truthy = { validateLeaf: async () => "yes" as unknown as boolean };
  const ana = await new Device("ana", 1, truthy).create();
  const bo = await new Device("bo", 1).keyPackage();
  await expect(ana.group.commit({ add: [bo.keyPackage] })).rejects.toMatchObject(refusal);
});

test("a refused newcomer among the pending proposals does not keep others waiting", async () => {
  let trusted = true;
  const service = { validateLeaf: async ({ identity }: LeafClaim) => trusted || text(identity) !== "eve" };
  const ana = await new Device("ana", 1, service).create();
  const [bo, eve] = await Promise.all([new Device("bo", 1).keyPackage(), new Device("eve", 1).keyPackage()]);
  for (const { keyPackage } of [eve, bo]) ana.take(await ana.group.propose({ kind: "add", keyPackage }));
  trusted = false;
  const draft = await ana.commit();
  expect(draft.changes.added).toMatchObject([{ identity: utf8("bo") }]);
});
