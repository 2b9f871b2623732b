import type { DeviceAddress } from "@parley/protocol";
import { LIMITS, ProtocolError } from "@parley/protocol";
import type { Signer } from "@parley/trust";
import { Secret, signerFromSeed } from "@parley/trust";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import type { InboxBody } from "./inbox-item.ts";
import { openInboxItem, sealInboxItem } from "./inbox-item.ts";

const account = (byte: number) => new Uint8Array(32).fill(byte);
const ana: DeviceAddress = { account: account(1), device: 1 };
const recipient = account(2);
const expected = { sender: ana, recipient };
const welcome: InboxBody = {
  kind: "welcome",
  room: new Uint8Array(16).fill(7),
  epoch: 3,
  direct: true,
  message: Uint8Array.of(1, 2, 3),
};

let signer: Signer;
let stranger: Signer;
beforeAll(async () => {
  signer = await signerFromSeed(new Secret(account(3)));
  stranger = await signerFromSeed(new Secret(account(4)));
});

const seal = (item: InboxBody, over: Partial<Parameters<typeof sealInboxItem>[1]> = {}) =>
  sealInboxItem(item, { sender: ana, signer, recipient, ...over });
const open = (bytes: Uint8Array, over: Partial<typeof expected> = {}) =>
  openInboxItem(bytes, { ...expected, ...over }, async () => signer.publicKey);
const MALFORMED = expect.objectContaining({ name: "ProtocolError", code: "malformed" });

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const bodies: fc.Arbitrary<InboxBody> = fc.oneof(
  fc.record({
    kind: fc.constant("welcome" as const),
    room: bytes(16),
    epoch: fc.maxSafeNat(),
    direct: fc.boolean(),
    message: fc.uint8Array({ maxLength: 200 }),
  }),
  fc.record({
    kind: fc.constant("join-request" as const),
    invite: bytes(16),
    mac: bytes(32),
    checkpoint: fc.option(fc.record({ size: fc.maxSafeNat(), root: bytes(32) }), { nil: undefined }),
  }),
);

test("items come back as they were sealed", async () => {
  await fc.assert(
    fc.asyncProperty(bodies, async (item) => {
      expect(await open(await seal(item))).toEqual(item);
    }),
  );
});

test("the key that is asked for is the sender's", async () => {
  const asked: DeviceAddress[] = [];
  await openInboxItem(await seal(welcome), expected, async (device) => {
    asked.push(device);
    return signer.publicKey;
  });
  expect(asked).toEqual([ana]);
});

test("another's signature, and a device that does not exist, prove nothing", async () => {
  await expect(open(await seal(welcome, { signer: stranger }))).rejects.toThrow(MALFORMED);
  await expect(openInboxItem(await seal(welcome), expected, async () => undefined)).rejects.toThrow(
    MALFORMED,
  );
});

test("an item for another account, or of another sender than the relay names, is refused", async () => {
  const item = await seal(welcome);
  await expect(open(item, { recipient: account(9) })).rejects.toThrow(/another account/);
  await expect(open(item, { sender: { ...ana, device: 2 } })).rejects.toThrow(/another sender/);
  await expect(open(item, { sender: { ...ana, account: account(9) } })).rejects.toThrow(/another sender/);
});

test("the key directory's failure is its own, not the item's", async () => {
  const offline = new Error("offline");
  const ask = openInboxItem(await seal(welcome), expected, async () => {
    throw offline;
  });
  await expect(ask).rejects.toBe(offline);
});

test("no byte of an item can be changed, left out or added", async () => {
  const item = await seal(welcome);
  for (let place = 0; place < item.length; place++) {
    const changed = item.slice();
    changed[place] = (changed[place] as number) ^ 1;
    await expect(open(changed), `byte ${place}`).rejects.toThrow(ProtocolError);
    await expect(open(item.subarray(0, place)), `cut at ${place}`).rejects.toThrow(ProtocolError);
  }
  await expect(open(Uint8Array.of(...item, 0))).rejects.toThrow(MALFORMED);
});

test("random bytes are malformed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (random) => {
      await expect(open(random)).rejects.toThrow(ProtocolError);
    }),
    { numRuns: 2000 },
  );
});

test("an item above the limit is not made", async () => {
  const message = new Uint8Array(LIMITS.inboxItemBytes);
  await expect(seal({ ...welcome, message })).rejects.toThrow(expect.objectContaining({ code: "too-large" }));
});
