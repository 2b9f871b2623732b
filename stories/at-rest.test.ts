import { execFile } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openChat, unlockStore } from "@parley/client/node";
import { expect, test } from "vitest";
import { passwordFrom } from "../packages/client/src/node/store-key.ts";
import { PseudoTerminal } from "./pseudo-terminal.ts";
import { lines, roomOf, sees, World } from "./world.ts";

const PROGRAM = join(import.meta.dirname, "..", "packages", "terminal", "bin", "parley.js");
const PASSWORD = "grey horse by the river";
const NEW_PASSWORD = "white horse on the hill";
const MESSAGE = "the key is under the third flower pot";

/** `parley` as a process of its own, on ana's folder as a profile. */
function parley(home: string, ...args: string[]): Promise<{ exitCode: number; out: string; error: string }> {
  const env = { ...process.env, PARLEY_HOME: home, NODE_ENV: "production" };
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args, "--profile", "ana"], { env }, (error, out, errorText) =>
      resolve({ exitCode: typeof error?.code === "number" ? error.code : 0, out, error: errorText }),
    );
  });
}

/** In a terminal the passwords are typed, and never shown. */
async function changeInTerminal(home: string): Promise<void> {
  const args = [PROGRAM, "password", "change", "--profile", "ana"];
  const env = { ...process.env, PARLEY_HOME: home, NODE_ENV: "production" };
  await using terminal = new PseudoTerminal(process.execPath, args, { env });
  await terminal.shows(/^Password:/m);
  terminal.type(`${PASSWORD}\r`);
  await terminal.shows("New password:");
  terminal.type(`${NEW_PASSWORD}\r`);
  await terminal.shows("Once more:");
  terminal.type(`${NEW_PASSWORD}\r`);
  await terminal.shows("Sealed with the new password");
  for (const typed of [PASSWORD, NEW_PASSWORD]) expect(terminal.text()).not.toContain(typed);
  expect(await terminal.exited).toBe(0);
}

const bytesOf = (folder: string) =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(folder, entry.name), "latin1"))
    .join("\n");

test("a stolen folder says nothing without the password, and everything with it", {
  timeout: 60_000,
}, async () => {
  await using world = await World.start();
  const home = join(world.folder, "home");
  world.homeFolder = join(home, "accounts");
  const ana = await world.person("ana");
  const bo = await world.person("bo");
  const garden = await roomOf(ana, "garden", [bo]);
  await bo.chat.send(garden, MESSAGE);
  await sees(ana, garden, `bo: ${MESSAGE}`);
  await world.close(ana);
  expect(bytesOf(ana.folder)).toContain(MESSAGE);

  const right = join(world.folder, "right");
  const wrong = join(world.folder, "wrong");
  writeFileSync(right, `${PASSWORD}\n`);
  writeFileSync(wrong, "brown horse by the river\n");
  expect(await parley(home, "password", "set")).toMatchObject({
    exitCode: 3,
    error: expect.stringContaining("--password-file FILE"),
  });
  expect(await parley(home, "password", "set", "--password-file", right)).toMatchObject({ exitCode: 0 });
  expect(await parley(home, "password", "set", "--password-file", right)).toMatchObject({ exitCode: 1 });
  for (const text of [MESSAGE, PASSWORD, "Recovery words of"]) {
    expect(bytesOf(ana.folder)).not.toContain(text);
  }

  cpSync(home, join(world.folder, "stolen"), { recursive: true });
  const stolen = join(world.folder, "stolen");
  expect(await parley(stolen, "tail", "garden", "--password-file", wrong)).toEqual({
    exitCode: 3,
    out: "",
    error: "parley: That is not the password of this account\n",
  });
  expect(await parley(stolen, "tail", "garden")).toMatchObject({ exitCode: 3, out: "" });
  expect((await parley(home, "tail", "garden", "--password-file", right)).out).toContain(MESSAGE);
  expect((await parley(home, "password", "words", "--password-file", right)).out).toContain(
    "Recovery words of ana",
  );

  await changeInTerminal(home);
  expect(await parley(home, "tail", "garden", "--password-file", right)).toMatchObject({ exitCode: 3 });
  const { store } = await unlockStore(ana.folder, async () => passwordFrom(NEW_PASSWORD));
  ana.chat = await openChat({ folder: ana.folder, store, onFault: (error) => world.faults.push(error) });
  await bo.chat.send(garden, "and one more");
  await sees(ana, garden, "bo: and one more");
  expect(lines(ana, garden)).toContain(`bo: ${MESSAGE}`);
  expect(bytesOf(ana.folder)).not.toContain("and one more");
});
