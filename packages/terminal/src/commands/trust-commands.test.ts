import { describe, expect, test } from "vitest";
import { FakeChat } from "../testing/fake-chat.ts";
import { FAKE_SAFETY_NUMBER } from "../testing/fake-people.ts";
import { parseInputLine, runInputLine } from "./input-line.ts";

function setUp() {
  const chat = new FakeChat();
  const id = chat.addRoom("garden");
  const context = () => ({ chat, room: chat.snapshot().rooms.find((room) => room.id === id) });
  const enter = (input: string) => runInputLine(parseInputLine(input), context());
  const linesOf = async (input: string) => {
    const outcome = await enter(input);
    if (outcome.kind !== "shown") throw new Error(JSON.stringify(outcome));
    return outcome.lines;
  };
  return { chat, id, people: chat.people(), enter, linesOf };
}

describe("/verify", () => {
  test("without a name: the server's code and the room's", async () => {
    const lines = await setUp().linesOf("/verify");
    expect(lines).toContain("Server code\t48213 90077 15530 62841 07719 33402");
    expect(lines).toContain("Room check\t11111 22222 33333 44444 55555 66666");
  });

  test("with a name: why, and 60 digits in three lines", async () => {
    const lines = await setUp().linesOf("/verify @bo");
    const groups = FAKE_SAFETY_NUMBER.split(" ");
    for (const start of [0, 4, 8]) expect(lines).toContain(groups.slice(start, start + 4).join(" "));
    expect(lines).toContain("Why\tin the log, no witness set");
  });

  test("digits are compared by the machine; others are refused loudly", async () => {
    const { enter } = setUp();
    expect(await enter(`/verify @bo ${FAKE_SAFETY_NUMBER}`)).toEqual({
      kind: "said",
      text: "The same: bo is checked by you",
    });
    expect(await enter(`/verify @bo ${FAKE_SAFETY_NUMBER.replace("1", "2")}`)).toMatchObject({
      kind: "failed",
      text: expect.stringMatching(/^NOT the same/),
    });
    expect(await enter("/verify @bo yes")).toMatchObject({ kind: "failed" });
  });

  test("emoji: opens the room with the person; the page shows the pictures; match needs them", async () => {
    const { enter, linesOf } = setUp();
    expect(await enter("/verify @bo match")).toMatchObject({ kind: "failed" });
    expect(await enter("/verify @bo emoji")).toMatchObject({ kind: "opened" });
    expect(await linesOf("/verify @bo")).toEqual(expect.arrayContaining(["1  🐶\tDog", "7  🐘\tElephant"]));
    expect(await enter("/verify @bo match dance")).toMatchObject({ kind: "failed" });
    expect(await enter("/verify @bo match video")).toEqual({
      kind: "said",
      text: "You and bo have checked each other",
    });
  });

  test("nomatch and cancel end it", async () => {
    const { enter, people } = setUp();
    await enter("/verify @bo emoji");
    await enter("/verify @bo nomatch");
    expect(people.comparison()).toMatchObject({ phase: "ended" });
    await enter("/verify @bo emoji");
    await enter("/verify @bo cancel");
    expect(people.comparison()).toMatchObject({ phase: "ended" });
  });
});

describe("/trust", () => {
  test("is one page: the server, then everybody, and why", async () => {
    const { people, linesOf } = setUp();
    const [bo] = people.people;
    people.people = [
      { ...bo!, state: "checked", why: ["checked by you on 2 May 2026 (by number)", "in the log"] },
      {
        ...bo!,
        name: "b0",
        state: "warning",
        why: ["was checked, key recovered on 3 May 2026"],
        nameWarnings: ["looks like bo"],
      },
    ];
    expect(await linesOf("/trust")).toMatchInlineSnapshot(`
      [
        "127.0.0.1:7443	pinned by the invite of 24 November 2026",
        "Server code	48213 90077 15530 62841 07719 33402",
        "Log	none",
        "",
        "bo	checked by you on 2 May 2026 (by number); in the log",
        "b0	LOOK TWICE: looks like bo; LOOK: was checked, key recovered on 3 May 2026",
        "",
        "How to be sure of somebody: /verify @NAME",
      ]
    `);
  });

  test.each([
    ["/trust vouch @bo", "vouch bo to 1"],
    ["/trust unvouch @bo", "unvouch bo"],
    ["/trust introducer @bo", "introducer bo true"],
    ["/trust no-introducer @bo", "introducer bo false"],
    ["/trust revoke @bo", "forget bo"],
  ])("%s", async (input, call) => {
    const { enter, people, id } = setUp();
    expect(await enter(input)).toMatchObject({ kind: "said" });
    expect(people.calls).toEqual([call.replace("to 1", `to ${id}`)]);
  });

  test("anything else is one sentence", async () => {
    const { enter } = setUp();
    expect(await enter("/trust love @bo")).toMatchObject({ kind: "failed" });
    expect(await enter("/trust @nobody")).toMatchObject({ kind: "failed" });
  });
});

test("/who asks to look at names that look like others", async () => {
  const { chat, id, people, linesOf } = setUp();
  const account = "d0".repeat(32);
  chat.setMembers(id, [{ account, name: "b0", role: "member", devices: 1, me: false, checked: "" }]);
  people.remarksOf.set(account, ["looks like bo"]);
  expect(await linesOf("/who")).toEqual(["b0 – LOOK: looks like bo"]);
});
