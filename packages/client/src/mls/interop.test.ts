import { MlsClient } from "mls-ts";
import { decodeKeyPackage, encodeKeyPackage } from "ts-mls/keyPackage.js";
import { beforeEach, expect, test } from "vitest";
import type { CommitDraft } from "./engine-types.ts";
import { Device, hex, text, utf8 } from "./test-room.ts";
import { decodeKeyPackageMessage, encodeKeyPackageMessage } from "./wire.ts";

// OpenMLS, compiled to WebAssembly (npm mls-ts 0.1.0), is others' implementation of the same RFC. It speaks suite 3
// and knows no extension of ours. It hands out key packages bare, we take them as MLS messages.

type OpenMlsGroup = ReturnType<MlsClient["joinGroup"]>;

const fromOpenMls = (client: MlsClient): Uint8Array => {
  const decoded = decodeKeyPackage(client.keyPackage(), 0);
  if (decoded === undefined) throw new Error("not a key package");
  return encodeKeyPackageMessage(decoded[0]);
};

/** Ana is ours, Bob is OpenMLS; she made the room and added him. */
let ana: Device;
let bob: OpenMlsGroup;

beforeEach(async () => {
  ana = new Device("ana", 3);
  await createWithoutPolicy(ana);
  const client = new MlsClient("bob");
  bob = openMlsJoins(client, await ana.commit({ add: [fromOpenMls(client)] }));
});

async function createWithoutPolicy(device: Device): Promise<void> {
  const { suite, identityFor } = device;
  device.take(await device.engine.create({ groupId: utf8("interop"), suite, identityFor }));
}

function openMlsJoins(client: MlsClient, draft: CommitDraft): OpenMlsGroup {
  if (draft.welcome === undefined) throw new Error("nobody was added");
  return client.joinGroup(draft.welcome, draft.ratchetTree);
}

/** All of them read a message of each of ours, and ours one of theirs. */
async function allTalk(ours: readonly Device[], theirs: readonly OpenMlsGroup[]): Promise<void> {
  for (const speaker of ours) {
    const message = await speaker.say(`from ${speaker.name}`);
    for (const group of theirs) expect(group.receiveText(message)).toBe(`from ${speaker.name}`);
    for (const device of ours)
      if (device !== speaker) expect(await device.read(message)).toBe(`from ${speaker.name}`);
  }
  for (const speaker of theirs) {
    const message = speaker.send("from OpenMLS");
    for (const group of theirs)
      if (group !== speaker) expect(group.receiveText(message)).toBe("from OpenMLS");
    for (const device of ours) expect(await device.read(message)).toBe("from OpenMLS");
  }
}

/** Two more of ours and Carol of OpenMLS, all added in one commit. */
async function threeMore(): Promise<{ mia: Device; max: Device; carol: OpenMlsGroup }> {
  const [mia, max, client] = [new Device("mia", 3), new Device("max", 3), new MlsClient("carol")];
  const [miasPackage, maxsPackage] = [await mia.keyPackage(), await max.keyPackage()];
  const draft = await ana.commit({
    add: [miasPackage.keyPackage, maxsPackage.keyPackage, fromOpenMls(client)],
  });
  bob.receive(draft.commit);
  await mia.join(draft, miasPackage);
  await max.join(draft, maxsPackage);
  return { mia, max, carol: openMlsJoins(client, draft) };
}

test("we understand OpenMLS's key packages, signatures and all", async () => {
  const info = await ana.engine.decodeKeyPackage(fromOpenMls(new MlsClient("someone")));
  expect(info).toMatchObject({ suite: 3, lastResort: false });
  expect(text(info.identity)).toBe("someone");
});

test("we add an OpenMLS member, who joins from our Welcome", () => {
  expect(ana.group.members().map(({ identity }) => text(identity))).toEqual(["ana", "bob"]);
  expect(hex(bob.exportRatchetTree())).toBe(hex(ana.group.ratchetTree()));
});

test("OpenMLS reads our messages", async () => {
  expect(bob.receiveText(await ana.say("hello bob"))).toBe("hello bob");
});

test("we read OpenMLS's messages", async () => {
  expect(await ana.read(bob.send("hello ana"))).toBe("hello ana");
});

test("OpenMLS follows a commit that renews our keys", async () => {
  bob.receive((await ana.commit()).commit);
  await allTalk([ana], [bob]);
});

test("OpenMLS follows a commit that adds several", async () => {
  const { mia, max, carol } = await threeMore();
  await allTalk([ana, mia, max], [bob, carol]);
});

test("OpenMLS follows a removal", async () => {
  const { mia, max, carol } = await threeMore();
  const draft = await ana.commit({ remove: [mia.group.ownLeafIndex] });
  for (const group of [bob, carol]) group.receive(draft.commit);
  await max.hear(draft.commit);
  expect((await mia.hear(draft.commit)).kind).toBe("removed");
  await allTalk([ana, max], [bob, carol]);
});

test("OpenMLS follows a commit of another member of ours", async () => {
  const { mia, max, carol } = await threeMore();
  const draft = await max.commit();
  for (const group of [bob, carol]) group.receive(draft.commit);
  for (const device of [ana, mia]) await device.hear(draft.commit);
  await allTalk([ana, mia, max], [bob, carol]);
});

test("OpenMLS follows an add and a removal in one commit", async () => {
  const { mia, max, carol } = await threeMore();
  const client = new MlsClient("dave");
  const draft = await ana.commit({ add: [fromOpenMls(client)], remove: [max.group.ownLeafIndex] });
  for (const group of [bob, carol]) group.receive(draft.commit);
  await mia.hear(draft.commit);
  await allTalk([ana, mia], [bob, carol, openMlsJoins(client, draft)]);
});

test("OpenMLS follows a commit of an add that one of ours proposed", async () => {
  const zoe = new Device("zoe", 3);
  const packed = await zoe.keyPackage();
  const proposed = ana.take(await ana.group.propose({ kind: "add", keyPackage: packed.keyPackage }));
  bob.receive(proposed.message);
  const draft = await ana.commit();
  bob.receive(draft.commit);
  await zoe.join(draft, packed);
  await allTalk([ana, zoe], [bob]);
});

test("exported secrets are the same", async () => {
  const context = Uint8Array.of(1, 2);
  expect(await ana.group.exporter("parley", context, 32)).toEqual(bob.exportKey("parley", context, 32));
});

test("we follow OpenMLS when it adds a member of ours, by proposal and commit", async () => {
  const zoe = new Device("zoe", 3);
  const packed = await zoe.keyPackage();
  const added = bob.add(encodeKeyPackage(decodeKeyPackageMessage(packed.keyPackage)));
  expect((await ana.hear(added.proposal)).kind).toBe("proposal");
  expect(await ana.hear(added.commit)).toMatchObject({
    kind: "commit",
    changes: { added: [{ leafIndex: 2, proposer: 1 }] },
  });
  await zoe.join({ welcome: added.welcome, ratchetTree: added.ratchetTree }, packed);
  await allTalk([ana, zoe], [bob]);
});
