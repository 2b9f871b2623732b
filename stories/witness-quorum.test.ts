import { expect, test } from "vitest";
import { ForkedServer, strawMan } from "./evil-server.ts";
import { StoryWitness, signed, trustFile } from "./story-witness.ts";
import { lines, roomOf, until, World } from "./world.ts";

/** docs/trust.md T10: which of the witnesses each side of a forked server has sign, and how many it takes. */
interface Split {
  readonly names: readonly string[];
  readonly quorum: number;
  /** For each side, the witnesses that it asks: the first side first. */
  readonly sides: readonly [readonly string[], readonly string[]];
  readonly unsafeTestingIgnoreWitnesses?: boolean;
}

async function peopleOfTwoWorlds({ names, quorum, sides, unsafeTestingIgnoreWitnesses = false }: Split) {
  const stack = new AsyncDisposableStack();
  const witnesses = new Map<string, StoryWitness>();
  for (const name of names) {
    const isLiar = name === "liar";
    witnesses.set(name, stack.use(await StoryWitness.start(`${name}.example/w`, { isLiar })));
  }
  const asked = sides.map((some, side) =>
    some.flatMap((name) => witnesses.get(name)?.address(`side${side}`) ?? []),
  );
  const { logged } = await strawMan("mallory");
  const server = stack.use(await ForkedServer.start(logged, [asked[0], asked[1]]));
  for (const witness of witnesses.values()) {
    witness.know(server.logKey);
    witness.away.add("side1");
  }
  const world = stack.use(await World.start());
  world.unsafeTestingIgnoreWitnesses = unsafeTestingIgnoreWitnesses;
  const { ana, bo } = await server.anaAndBo(world, async () => {
    for (const name of sides[0]) await witnesses.get(name)?.gave("side0");
    for (const witness of witnesses.values()) witness.away.delete("side1");
  });
  const note = await trustFile([...witnesses.values()], { quorum });
  for (const person of [ana, bo]) await person.chat.policy().addTrustFile(note, []);
  return { ana, bo, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("T10: one witness of honour: it signs one of the two logs, and whoever is shown the other adds nobody", async () => {
  await using people = await peopleOfTwoWorlds({ names: ["ann"], quorum: 1, sides: [["ann"], ["ann"]] });
  const { ana, bo } = people;
  await signed(ana);
  await bo.chat.log().sync();
  const why = "your witnesses (1 of 1) have not signed this server's log as you see it";
  await expect(bo.chat.openDirect("ana")).rejects.toMatchObject({ message: `ana has to wait: ${why}` });
  await ana.chat.openDirect("bo");
});

const THREE_OF_FOUR: Split = {
  names: ["ann", "ben", "cat", "liar"],
  quorum: 3,
  sides: [
    ["ann", "ben", "liar"],
    ["cat", "liar"],
  ],
};

test("T10: three of four witnesses with one liar: whoever is shown the fork adds nobody, and is told why", async () => {
  await using people = await peopleOfTwoWorlds(THREE_OF_FOUR);
  const { ana, bo } = people;
  await signed(ana);
  expect(ana.chat.snapshot().warnings).toEqual([]);
  const why = "your witnesses (3 of 4) have not signed this server's log as you see it";
  expect(bo.chat.snapshot().warnings).toEqual([`${why}: nobody new can be added until they do`]);
  const room = await bo.chat.createRoom("garden");
  const held = { code: "held-back", message: `ana has to wait: ${why}` };
  await expect(bo.chat.invite(room, ["ana"])).rejects.toMatchObject(held);
  await expect(bo.chat.openDirect("ana")).rejects.toMatchObject(held);
  await ana.chat.invite(await ana.chat.createRoom("orchard"), ["bo"]);
  await until(bo, "invited", (chat) => chat.snapshot().invitations.length > 0);
  const [invitation] = bo.chat.snapshot().invitations;
  await expect(bo.chat.acceptInvitation(invitation?.id ?? "")).rejects.toMatchObject(held);
});

test("T10 without the witnesses: whoever is shown the fork adds people of it", async () => {
  await using people = await peopleOfTwoWorlds({ ...THREE_OF_FOUR, unsafeTestingIgnoreWitnesses: true });
  const { ana, bo } = people;
  await roomOf(bo, "garden", [ana]);
});

test("T10: two of three witnesses with one liar: the fork passes them, and the first message gives it away", async () => {
  await using people = await peopleOfTwoWorlds({
    names: ["ann", "ben", "liar"],
    quorum: 2,
    sides: [
      ["ann", "liar"],
      ["ben", "liar"],
    ],
  });
  const { ana, bo } = people;
  await signed(ana);
  await signed(bo);
  const room = await roomOf(ana, "garden", [bo]);
  await ana.chat.send(room, "hello");
  for (const person of [ana, bo])
    await until(person, "the fork is proven", (chat) => chat.log().status().forked);
  expect(lines(bo, room)).toContain(
    "* ana was shown another log of this server than you; the two are being compared",
  );
});

test("who comes by a link is let into its room as soon as the witnesses have signed their keys", async () => {
  await using witness = await StoryWitness.start("ann.example/w");
  await using world = await World.start({ witnesses: [witness.address()] });
  witness.know(world.relay.logKey);
  const ana = await world.person("ana");
  await ana.chat.policy().addTrustFile(await trustFile([witness]), []);
  await signed(ana);
  witness.away.add("only");
  const room = await ana.chat.createRoom("garden");
  const bo = await world.person("bo", await ana.chat.createInviteLink({ room }));
  await until(ana, "the log is ahead of the witnesses", (chat) => chat.log().status().size === 6);
  expect(ana.chat.members(room)).toHaveLength(1);
  witness.away.delete("only");
  await world.person("cyd");
  await until(bo, "in the room", (chat) => chat.snapshot().rooms.some(({ name }) => name === "garden"));
});

test("who has registered this moment is added: the witnesses sign a little later, and that is waited for", async () => {
  await using witness = await StoryWitness.start("ann.example/w");
  await using world = await World.start({ witnesses: [witness.address()] });
  witness.know(world.relay.logKey);
  const ana = await world.person("ana");
  await ana.chat.policy().addTrustFile(await trustFile([witness]), []);
  await signed(ana);
  await world.person("bo");
  await ana.chat.openDirect("bo");
});
