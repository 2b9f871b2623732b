import type { RoomLogEntry } from "@parley/protocol";
import { expect, test } from "vitest";
import { HostileRelay } from "./hostile-relay.ts";
import { lines, roomOf, sees, until, World } from "./world.ts";

/** Ana and bo in a room; bo's relay lies when told to. */
async function setUp() {
  const world = await World.start();
  const relay = new HostileRelay();
  const ana = await world.person("ana");
  world.unsafeTestingConnect = relay.connect;
  const bo = await world.person("bo");
  const room = await roomOf(ana, "garden", [bo]);
  await sees(ana, room, "* bo joined");
  // What the joining sets off is over when this has come.
  await ana.chat.send(room, "welcome");
  await sees(bo, room, "ana: welcome");
  const said = () => lines(bo, room).filter((line) => line.startsWith("ana: ") && line !== "ana: welcome");
  return { world, relay, ana, bo, room, said };
}

function withAlteredByte(entry: RoomLogEntry): RoomLogEntry {
  const message = entry.message.slice();
  message[message.length - 1] = (message.at(-1) ?? 0) ^ 1;
  return { ...entry, message };
}

const HARMLESS: Record<string, (entries: readonly RoomLogEntry[]) => readonly RoomLogEntry[]> = {
  dropped: ([, second]) => (second ? [second] : []),
  repeated: (entries) => [...entries, ...entries],
  reordered: (entries) => entries.toReversed(),
};

test.each(Object.entries(HARMLESS))("entries that are %s are shown once and in order", async (_, change) => {
  const { world, relay, ana, bo, room, said } = await setUp();
  await using _world = world;
  relay.tamper(2, change);
  for (const text of ["one", "two", "three"]) await ana.chat.send(room, text);
  await sees(bo, room, "ana: three");
  expect(said()).toEqual(["ana: one", "ana: two", "ana: three"]);
  await bo.chat.send(room, "here");
  await sees(ana, room, "bo: here");
});

test("an altered message is a gap, the other history is told, and the room goes on", async () => {
  const { world, relay, ana, bo, room, said } = await setUp();
  await using _world = world;
  relay.tamper(1, (entries) => entries.map(withAlteredByte));
  await ana.chat.send(room, "one");
  await until(bo, "a gap", () => lines(bo, room).some((line) => line.includes("it is damaged or forged")));
  await until(ana, "it is sent", (chat) => chat.snapshot().queued === 0);
  await ana.chat.send(room, "two");
  await sees(bo, room, "ana: two");
  await sees(bo, room, "* the relay shows ana another history of this room than you");
  expect(said()).toEqual(["ana: two"]);
  await bo.chat.send(room, "here");
  await sees(ana, room, "bo: here");
});

test("an own message that comes back with other bytes is failed, and can be sent again", async () => {
  const { world, relay, ana, bo, room } = await setUp();
  await using _world = world;
  relay.tamper(1, (entries) => entries.map(withAlteredByte));
  const id = await bo.chat.send(room, "mine");
  const own = () => bo.chat.timeline(room, { limit: 50 }).items.find((item) => item.id === id);
  await until(bo, "it has failed", () => {
    const item = own();
    return item?.kind === "message" && item.send.kind === "failed";
  });
  await bo.chat.retry(id);
  await until(bo, "it is sent", (chat) => chat.snapshot().queued === 0);
  await ana.chat.send(room, "here");
  await sees(bo, room, "ana: here");
});

test("T0: a swapped key package is refused, and no Welcome is made for it", async () => {
  const { world, relay, ana, bo, room } = await setUp();
  await using _world = world;
  await world.person("carl");
  await world.person("mallory");
  const own = await bo.chat.createRoom("bo's");
  const commits: string[] = [];
  let stolen: Uint8Array | undefined;
  relay.answer = (answer, request) => {
    if (request.kind === "commit") commits.push(request.kind);
    if (answer.kind !== "key-packages") return answer;
    stolen ??= answer.packages[0]?.keyPackage.slice() ?? new Uint8Array(0);
    const keyPackage = stolen;
    return { ...answer, packages: answer.packages.map(({ device }) => ({ device, keyPackage })) };
  };
  await bo.chat.invite(own, ["mallory"]);
  expect(commits.splice(0)).toEqual(["commit"]);
  await expect(bo.chat.invite(own, ["carl"])).rejects.toMatchObject({ code: "refused" });
  expect(commits).toEqual([]);
  await ana.chat.send(room, "still here");
  await sees(bo, room, "ana: still here");
});

test("a message under a wrong sender is shown as whose it is, and the lie is told", async () => {
  const { world, relay, ana, bo, room } = await setUp();
  await using _world = world;
  const carl = await world.person("carl");
  await ana.chat.invite(room, ["carl"]);
  await sees(bo, room, "* ana invited carl");
  const account = Uint8Array.fromHex(carl.chat.snapshot().me.account);
  relay.tamper(1, (entries) => entries.map((entry) => ({ ...entry, sender: { account, device: 1 } })));
  await ana.chat.send(room, "mine");
  await sees(bo, room, "ana: mine");
  const lie = /^\* the relay said a message was from carl, but .* ana/;
  await until(bo, "the lie is told", () => lines(bo, room).some((line) => lie.test(line)));
});

test("the relay's word alone takes no keys: put out by a lie, a member is back when the relay is honest", async () => {
  const { world, relay, ana, bo, room } = await setUp();
  await using _world = world;
  relay.deliver = (delivery) => {
    if (delivery.kind !== "entry") return [delivery];
    return [{ kind: "removed", room: delivery.entry.room, seq: delivery.entry.seq }];
  };
  await ana.chat.send(room, "unseen");
  const state = () => bo.chat.snapshot().rooms.find(({ id }) => id === room)?.state;
  await until(bo, "it is told to be out", () => state() === "removed");
  relay.deliver = (delivery) => [delivery];
  await ana.chat.send(room, "seen again");
  await sees(bo, room, "ana: seen again");
  expect(state()).toBe("active");
  expect(lines(bo, room)).toContain("ana: unseen");
  await bo.chat.send(room, "back");
  await sees(ana, room, "bo: back");
});
