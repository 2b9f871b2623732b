import { generateKeyPairSync } from "node:crypto";
import type { Comparison, PersonTrust } from "@parley/client";
import { describe, expect, test } from "vitest";
import type { Person } from "./world.ts";
import { lines, until, World } from "./world.ts";

/** Ana and Bo, both by links of the operator: neither has checked the other. */
async function strangers(world: World): Promise<[Person, Person]> {
  return [await world.person("ana"), await world.person("bo")];
}

/** Ana's direct room with Bo, that Bo has come into. */
async function directRoom(ana: Person, bo: Person): Promise<string> {
  const room = await ana.chat.openDirect("bo");
  await until(bo, "invited", (chat) => chat.snapshot().invitations.length > 0);
  await bo.chat.acceptInvitation(bo.chat.snapshot().invitations[0]?.id ?? "");
  await until(ana, "bo is there", (chat) => chat.members(room).length === 2);
  return room;
}

function phase(person: Person, other: string): Comparison["phase"] | undefined {
  return person.chat.people().comparison(other)?.phase;
}

function reaches(person: Person, other: string, wanted: Comparison["phase"]): Promise<void> {
  return until(person, `the comparison is ${wanted}`, () => phase(person, other) === wanted);
}

function saysLast(person: Person, room: string, text: RegExp): Promise<void> {
  return until(person, `${text} is seen`, () => text.test(lines(person, room, 1)[0] ?? ""));
}

function pictures(person: Person, other: string): string[] {
  const comparison = person.chat.people().comparison(other);
  return comparison?.phase === "comparing" ? comparison.emoji.map(({ name }) => name) : [];
}

function trustIn(person: Person, other: string): Promise<PersonTrust> {
  return person.chat.people().explain(other);
}

describe("two people compare emoji", () => {
  test("both see the same seven pictures, confirm, and have checked each other", async () => {
    await using world = await World.start();
    const [ana, bo] = await strangers(world);
    const room = await directRoom(ana, bo);
    expect((await trustIn(ana, "bo")).state).toBe("known");

    await ana.chat.people().compare("bo");
    await reaches(bo, "ana", "asked");
    await saysLast(bo, room, /^\* ana wants to compare emoji with you/);
    await bo.chat.people().compare("ana");
    await reaches(ana, "bo", "comparing");
    await reaches(bo, "ana", "comparing");
    expect(pictures(ana, "bo")).toHaveLength(7);
    expect(pictures(bo, "ana")).toEqual(pictures(ana, "bo"));

    await ana.chat.people().answer("bo", true, "voice");
    await reaches(ana, "bo", "confirming");
    expect((await trustIn(ana, "bo")).state).toBe("known");
    await bo.chat.people().answer("ana", true, "video");
    await reaches(ana, "bo", "done");
    await reaches(bo, "ana", "done");
    expect((await trustIn(ana, "bo")).why[0]).toMatch(/^checked by you on .* \(by emoji, voice\)$/);
    expect((await trustIn(bo, "ana")).why[0]).toMatch(/^checked by you on .* \(by emoji, video\)$/);

    await world.reopen(ana);
    expect((await trustIn(ana, "bo")).state).toBe("checked");
    await ana.chat.people().forget("bo");
    expect((await trustIn(ana, "bo")).state).toBe("known");
  });

  test("pictures that differ check nobody, and both are told", async () => {
    await using world = await World.start();
    const [ana, bo] = await strangers(world);
    const room = await directRoom(ana, bo);
    await ana.chat.people().compare("bo");
    await reaches(bo, "ana", "asked");
    await bo.chat.people().compare("ana");
    await reaches(ana, "bo", "comparing");
    await ana.chat.people().answer("bo", false, "voice");
    await reaches(bo, "ana", "ended");
    await saysLast(bo, room, /^\* the comparison with ana ended: the other side says: the pictures/);
    expect((await trustIn(ana, "bo")).state).toBe("known");
    expect((await trustIn(bo, "ana")).state).toBe("known");
  });

  test("when both ask at once there is one comparison", async () => {
    await using world = await World.start();
    const [ana, bo] = await strangers(world);
    await directRoom(ana, bo);
    await Promise.all([ana.chat.people().compare("bo"), bo.chat.people().compare("ana")]);
    await reaches(ana, "bo", "comparing");
    await reaches(bo, "ana", "comparing");
    expect(pictures(bo, "ana")).toEqual(pictures(ana, "bo"));
  });

  test("a key that is swapped after the commitment ends it before a picture is seen (T18)", async () => {
    await using world = await World.start();
    const ana = await world.person("ana");
    world.unsafeTestingSasMessage = withOtherKey;
    const bo = await world.person("bo");
    const room = await directRoom(ana, bo);
    await ana.chat.people().compare("bo");
    await reaches(bo, "ana", "asked");
    await bo.chat.people().compare("ana");
    await reaches(ana, "bo", "ended");
    await saysLast(ana, room, /^\* the comparison with bo ended: a key was swapped on the way/);
    const said = lines(ana, room).join("\n");
    expect(said).not.toContain("Compare with bo aloud");
    expect((await trustIn(ana, "bo")).state).toBe("known");
  });
});

const KEY_TAG = 3;

/** The man in the middle: puts a key of his own in the place of one that is shown. */
function withOtherKey(message: Uint8Array): Uint8Array {
  if (message[0] !== KEY_TAG) return message;
  const { publicKey } = generateKeyPairSync("x25519");
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  return Uint8Array.of(KEY_TAG, ...raw);
}
