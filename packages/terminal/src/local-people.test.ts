import { ChatError } from "@parley/client";
import type { Json } from "@parley/client/node";
import { expect, test } from "vitest";
import { asObject } from "./json-shape.ts";
import { attachedPeople, callPeople, peopleApi } from "./local-people.ts";
import { FakeChat } from "./testing/fake-chat.ts";
import { FAKE_SAFETY_NUMBER } from "./testing/fake-people.ts";

const travel = (value: unknown): Json => JSON.parse(JSON.stringify(value ?? null)) as Json;

/** The people of a chat, and the same asked for through the socket: everything travels as JSON text. */
function setUp() {
  const chat = new FakeChat();
  const room = chat.addRoom("garden");
  const own = peopleApi(chat);
  const attached = attachedPeople(async (method, params = {}) =>
    travel(await callPeople(own, method, asObject(travel(params)))),
  );
  return { chat, room, own, attached };
}

test("an attached process is told what the owner is", async () => {
  const { own, attached } = setUp();
  expect(await attached.page()).toEqual(await own.page());
  expect(await attached.explain("bo")).toEqual(await own.explain("bo"));
  expect(await attached.safetyNumber("bo")).toBe(FAKE_SAFETY_NUMBER);
  expect(await attached.checkNumber({ name: "bo", digits: FAKE_SAFETY_NUMBER })).toBe(true);
  expect(await attached.checkNumber({ name: "bo", digits: "1".repeat(60) })).toBe(false);
});

test("an attached process compares emoji to the end", async () => {
  const { attached } = setUp();
  const shown = await attached.compare({ name: "bo", waitMs: 1000 });
  expect(shown.phase === "comparing" && shown.emoji).toHaveLength(7);
  expect(await attached.answer({ name: "bo", isSame: false, road: "video", waitMs: 1000 })).toEqual({
    phase: "ended",
    reason: "the pictures differ",
  });
});

test("what an attached process decides is done here", async () => {
  const { chat, room, attached } = setUp();
  await attached.vouch({ name: "bo", room: "#garden" });
  await attached.endVouch("bo");
  await attached.setIntroducer({ name: "bo", counts: false });
  await attached.forget("bo");
  await attached.cancelComparison("bo");
  expect(chat.people().calls).toEqual([
    `vouch bo to ${room}`,
    "unvouch bo",
    "introducer bo false",
    "forget bo",
  ]);
  await expect(attached.vouch({ name: "bo", room: "nowhere" })).rejects.toMatchObject({
    code: "no-such-room",
  });
});

test("what has another shape is refused, from either side", async () => {
  const { own } = setUp();
  await expect(callPeople(own, "people/explain", {})).rejects.toThrow(ChatError);
  await expect(callPeople(own, "people/marry", { name: "bo" })).rejects.toThrow(ChatError);
  const lying = attachedPeople(async () => ({ phase: "married" }));
  await expect(lying.compare({ name: "bo", waitMs: 1 })).rejects.toThrow(ChatError);
  await expect(lying.page()).rejects.toThrow(ChatError);
});
