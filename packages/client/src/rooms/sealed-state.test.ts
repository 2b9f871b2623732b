import { LIMITS } from "@parley/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openRejoinState, sealRejoinState } from "./sealed-state.ts";

const key = new Uint8Array(32).fill(1);
const room = new Uint8Array(16).fill(2);
const state = { groupInfo: Uint8Array.of(1, 2, 3), ratchetTree: Uint8Array.of(4, 5) };
const MALFORMED = expect.objectContaining({ name: "ProtocolError", code: "malformed" });

test("a state comes back with the key and for the room it was sealed with", async () => {
  const blob = fc.uint8Array({ maxLength: 300 });
  await fc.assert(
    fc.asyncProperty(blob, blob, async (groupInfo, ratchetTree) => {
      const sealed = await sealRejoinState(key, room, { groupInfo, ratchetTree });
      expect(await openRejoinState(key, room, sealed)).toEqual({ groupInfo, ratchetTree });
    }),
  );
});

test("the relay sees nothing of it, not even that two are the same", async () => {
  const groupInfo = new TextEncoder().encode("roles and policy of the room");
  const [one, other] = [
    await sealRejoinState(key, room, { ...state, groupInfo }),
    await sealRejoinState(key, room, { ...state, groupInfo }),
  ];
  expect(one.toHex()).not.toContain(groupInfo.toHex());
  expect(one.toHex().slice(0, 24)).not.toBe(other.toHex().slice(0, 24));
  expect(one.toHex().slice(24)).not.toBe(other.toHex().slice(24));
});

test("another key and another room are refused", async () => {
  const sealed = await sealRejoinState(key, room, state);
  await expect(openRejoinState(key.with(0, 9), room, sealed)).rejects.toThrow(MALFORMED);
  await expect(openRejoinState(key, room.with(0, 9), sealed)).rejects.toThrow(MALFORMED);
});

test("a room whose key was never told gives the relay nothing, and opens nothing", async () => {
  const none = new Uint8Array(0);
  expect(await sealRejoinState(none, room, state)).toEqual(none);
  for (const sealed of [none, await sealRejoinState(key, room, state)]) {
    await expect(openRejoinState(none, room, sealed)).rejects.toThrow(MALFORMED);
  }
});

test("no byte can be changed, left out or added", async () => {
  const sealed = await sealRejoinState(key, room, state);
  for (let place = 0; place < sealed.length; place++) {
    const changed = sealed.with(place, (sealed[place] as number) ^ 1);
    await expect(openRejoinState(key, room, changed)).rejects.toThrow(MALFORMED);
    await expect(openRejoinState(key, room, sealed.subarray(0, place))).rejects.toThrow(MALFORMED);
  }
  await expect(openRejoinState(key, room, Uint8Array.of(...sealed, 0))).rejects.toThrow(MALFORMED);
});

test("random bytes are malformed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), async (random) => {
      await expect(openRejoinState(key, room, random)).rejects.toThrow(MALFORMED);
    }),
  );
});

test("key, room and state stay as they were, also as parts of larger buffers", async () => {
  const buffer = new Uint8Array(100).fill(3);
  const [partKey, partRoom] = [buffer.subarray(5, 37), buffer.subarray(40, 56)];
  const sealed = await sealRejoinState(partKey, partRoom, {
    groupInfo: buffer.subarray(60),
    ratchetTree: buffer,
  });
  expect(buffer).toEqual(new Uint8Array(100).fill(3));
  expect((await openRejoinState(partKey, partRoom, sealed)).ratchetTree).toEqual(buffer);
});

test("the largest tree goes through, and one byte more does not", async () => {
  const largest = { ...state, ratchetTree: new Uint8Array(LIMITS.treeBytes) };
  expect(await openRejoinState(key, room, await sealRejoinState(key, room, largest))).toEqual(largest);
  const larger = { ...state, ratchetTree: new Uint8Array(LIMITS.treeBytes + 1) };
  await expect(sealRejoinState(key, room, larger)).rejects.toThrow(
    expect.objectContaining({ code: "too-large" }),
  );
});
