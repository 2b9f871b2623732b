import { PassThrough } from "node:stream";
import type { PersonTrust } from "@parley/client";
import { expect, test } from "vitest";
import { readEnvironment } from "../packages/terminal/src/environment.ts";
import { passwordSource } from "../packages/terminal/src/password-source.ts";
import { runProgram } from "../packages/terminal/src/program.ts";
import { Streams } from "../packages/terminal/src/streams.ts";
import { runTrust } from "../packages/terminal/src/verbs/trust.ts";
import { roomOf, until, World } from "./world.ts";

/** `parley trust …` for the account of a folder that no other program has open. */
function terminalOf(folder: string) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const given = { stdin, stdout, stderr } as unknown as ConstructorParameters<typeof Streams>[0];
  const outer = {
    environment: readEnvironment({ PARLEY_HOME: folder }),
    streams: new Streams(given),
    signal: new AbortController().signal,
  };
  let written = "";
  stdout.on("data", (chunk: Buffer) => (written += chunk.toString()));
  return {
    stdin,
    stdout,
    async trust(...words: string[]): Promise<string> {
      written = "";
      await runTrust({ ...outer, folder, password: passwordSource(outer.streams, undefined) }, words);
      return written;
    },
    exitCodeOf: (...args: string[]) => runProgram({ ...outer, args: ["trust", ...args] }),
  };
}

test("parley trust: status, explain, verify by digits, introducer, vouch, unvouch, revoke", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  const room = await roomOf(ana, "garden", [bo]);
  const digits = await bo.chat.people().safetyNumber("ana");
  await world.close(ana);
  const { trust } = terminalOf(ana.folder);
  const explained = async () => JSON.parse(await trust("explain", "@bo", "--json")) as PersonTrust;

  expect(await trust("verify", "@bo")).toContain(digits.split(" ").slice(0, 4).join(" "));
  const wrong = digits.replace(/^./, (digit) => (digit === "1" ? "2" : "1"));
  await expect(trust("verify", "@bo", wrong)).rejects.toMatchObject({ exitCode: 1 });
  await expect(trust("vouch", "@bo", "--to", "garden")).rejects.toMatchObject({ code: "not-allowed" });
  expect(await explained()).toMatchObject({ name: "bo", state: "known" });

  expect(await trust("verify", "@bo", ...digits.split(" "))).toBe("The same: bo is checked by you\n");
  expect(await explained()).toMatchObject({ state: "checked", introducer: false });
  expect(await trust("status")).toMatch(/^bo {2}checked by you on .* \(by number\); in the log/m);
  await trust("introducer", "@bo");
  expect(await explained()).toMatchObject({ introducer: true });

  await trust("vouch", "@bo", "--to", "garden", "--days", "30");
  const hears = (text: string) =>
    until(bo, text, (chat) => {
      const { items } = chat.timeline(room, { limit: 5 });
      return items.some((item) => item.kind === "event" && item.text === text);
    });
  await hears("ana has checked bo and vouches for them");
  await trust("revoke", "@bo");
  await hears("ana no longer vouches for bo");
  expect(await explained()).toMatchObject({ state: "known", introducer: false });
});

test("parley trust verify @bo emoji: the pictures, then yes or no", async () => {
  await using world = await World.start();
  const [ana, bo] = [await world.person("ana"), await world.person("bo")];
  await ana.chat.openDirect("bo");
  await until(bo, "invited", (chat) => chat.snapshot().invitations.length > 0);
  await bo.chat.acceptInvitation(bo.chat.snapshot().invitations[0]?.id ?? "");
  await world.close(ana);
  const { trust, stdin, stdout } = terminalOf(ana.folder);
  const asked = new Promise<void>((resolve) => {
    stdout.on("data", (chunk: Buffer) => chunk.includes("yes or no") && resolve());
  });
  const verified = trust("verify", "@bo", "emoji", "--video");
  await until(bo, "asked", (chat) => chat.people().comparison("ana")?.phase === "asked");
  await bo.chat.people().compare("ana");
  await asked;
  await bo.chat.people().answer("ana", true, "voice");
  stdin.write("yes\n");
  const out = await verified;
  expect(out).toContain("You and bo have checked each other");
  const comparison = bo.chat.people().comparison("ana");
  expect(comparison).toEqual({ phase: "done" });
});

test("a command line that makes no sense ends with exit code 2", async () => {
  const { exitCodeOf } = terminalOf("/nonexistent");
  for (const words of [["love"], ["verify"], ["explain"], ["vouch", "@bo"], ["status", "--colour"]]) {
    expect(await exitCodeOf(...words), words.join(" ")).toBe(2);
  }
});
