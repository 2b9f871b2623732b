import { expect, test } from "vitest";
import { RETAINED_EPOCHS } from "./profile.ts";
import { allowing, Device, everyoneHears, roomOf, utf8 } from "./test-room.ts";

// Several codes rest on the text of a library's exceptions. Each is brought about here by its cause.

async function pair(): Promise<[Device, Device]> {
  return (await roomOf(["ana", "bo"])) as [Device, Device];
}

test("`replayed`: a message read before, one overtaken, one's own", async () => {
  const [ana, bo] = await pair();
  const [first, second] = [await ana.say("1"), await ana.say("2")];
  await bo.hear(second);
  await expect(bo.hear(second)).rejects.toMatchObject({ code: "replayed" });
  await expect(bo.hear(first)).rejects.toMatchObject({ code: "replayed" });
  await expect(ana.hear(first)).rejects.toMatchObject({ code: "replayed" });
});

test("`gap`: more messages missing than a sender may skip; 3,999 are bridged", async () => {
  const [ana, bo] = await pair();
  for (let i = 0; i < 3_999; i += 1) ana.take(await ana.group.encrypt(utf8("lost")));
  const bridged = await ana.say("bridged");
  for (let i = 0; i < 2; i += 1) ana.take(await ana.group.encrypt(utf8("lost")));
  await expect(bo.group.process(await ana.say("too far"), allowing)).rejects.toMatchObject({ code: "gap" });
  expect(await bo.read(bridged)).toBe("bridged");
});

test("`unauthenticated`: a flipped bit anywhere in the ciphertext", async () => {
  const [ana, bo] = await pair();
  const message = await ana.say("hello");
  const forged = message.slice();
  forged[forged.length - 1]! ^= 1;
  await expect(bo.hear(forged)).rejects.toMatchObject({ code: "unauthenticated" });
  expect(await bo.read(message)).toBe("hello");
});

test("`not-for-us`: a Welcome for someone else's key package", async () => {
  const ana = await new Device("ana", 1).create();
  const [bo, cleo] = [new Device("bo", 1), new Device("cleo", 1)];
  const draft = await ana.commit({ add: [(await bo.keyPackage()).keyPackage] });
  await expect(cleo.join(draft, await cleo.keyPackage())).rejects.toMatchObject({ code: "not-for-us" });
});

test("`malformed`: bytes that are no message, a message with a tail, nothing", async () => {
  const [ana, bo] = await pair();
  const message = await ana.say("hello");
  for (const bytes of [utf8("hello"), Uint8Array.of(...message, 0), message.slice(0, -1), new Uint8Array(0)])
    await expect(bo.hear(bytes)).rejects.toMatchObject({ code: "malformed" });
});

test("`wrong-group`: a message of another room", async () => {
  const [ana] = await pair();
  const other = await new Device("cleo", 1).create("another room");
  await expect(ana.hear(await other.say("hello"))).rejects.toMatchObject({ code: "wrong-group" });
});

test("`wrong-epoch`: a commit made beside another; `future-epoch`: one of an epoch ahead", async () => {
  const [ana, bo, cleo] = (await roomOf(["ana", "bo", "cleo"])) as [Device, Device, Device];
  const [winner, loser] = [await ana.commit(), cleo.take(await cleo.group.commit({}))];
  await everyoneHears([bo, cleo], winner.commit);
  await expect(bo.hear(loser.commit)).rejects.toMatchObject({
    code: "wrong-epoch",
    messageEpoch: 1n,
    groupEpoch: 2n,
  });
  await expect(cleo.group.merge(loser.pending)).rejects.toMatchObject({ code: "wrong-epoch" });
  await ana.commit();
  await expect(bo.hear((await ana.commit()).commit)).rejects.toMatchObject({ code: "future-epoch" });
});

test("`invalid`: requests that RFC 9420 forbids", async () => {
  const [ana, bo] = await pair();
  const cleo = await new Device("cleo", 1).keyPackage();
  const other = await new Device("dan", 83).keyPackage();
  const forbidden = [
    { remove: [0] },
    { remove: [7] },
    { remove: [1, 1] },
    { add: [cleo.keyPackage, cleo.keyPackage] },
    { add: [other.keyPackage] },
  ];
  for (const request of forbidden)
    await expect(ana.group.commit(request)).rejects.toMatchObject({ code: "invalid" });
  const added = await ana.commit({ add: [cleo.keyPackage] });
  await bo.hear(added.commit);
  await expect(ana.group.commit({ add: [cleo.keyPackage] })).rejects.toMatchObject({ code: "invalid" });
});

test("`invalid`: a key package that has expired, or claims too long a life", async () => {
  const ana = await new Device("ana", 1).create();
  const bo = new Device("bo", 1);
  const now = BigInt(Math.floor(Date.now() / 1000));
  const request = { suite: 1 as const, identityFor: bo.identityFor };
  const lifetime = { notBefore: now - 1_000n, notAfter: now - 10n };
  const expired = await bo.engine.generateKeyPackage({ ...request, lifetime });
  await expect(ana.group.commit({ add: [expired.keyPackage] })).rejects.toMatchObject({ code: "invalid" });
  const endless = { notBefore: 0n, notAfter: 2n ** 64n - 1n };
  await expect(bo.engine.generateKeyPackage({ ...request, lifetime: endless })).rejects.toMatchObject({
    code: "invalid",
  });
});

test("`corrupt`: records that are incomplete or were tampered with", async () => {
  const [, bo] = await pair();
  for (const key of bo.records.keys()) {
    const records = new Map(bo.records);
    records.delete(key);
    await expect(bo.engine.restore(records), key).rejects.toMatchObject({ code: "corrupt" });
  }
  const tampered = new Map(bo.records).set("tree/0", bo.records.get("tree/2")!);
  await expect(bo.engine.restore(tampered)).rejects.toMatchObject({ code: "corrupt" });
  expect(RETAINED_EPOCHS).toBe(4);
});

test("`spent`: a group that was already replaced, and a second step of the same group", async () => {
  const [ana] = await pair();
  const old = ana.group;
  const [first, second] = [await old.encrypt(utf8("a")), await old.encrypt(utf8("b"))];
  first.settle();
  await expect(old.encrypt(utf8("c"))).rejects.toMatchObject({ code: "spent" });
  expect(() => second.settle()).toThrow(expect.objectContaining({ code: "spent" }));
});
