import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { PseudoTerminal } from "./pseudo-terminal.ts";
import { World } from "./world.ts";

const home = mkdtempSync(join(tmpdir(), "parley-terminals-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const PROGRAM = join(import.meta.dirname, "..", "packages", "terminal", "bin", "parley.js");

function parley(...args: readonly string[]): PseudoTerminal {
  const { PATH, HOME, LANG } = process.env;
  return new PseudoTerminal(process.execPath, [PROGRAM, ...args], {
    env: { PATH, HOME, LANG, TERM: "xterm-256color", PARLEY_HOME: home },
  });
}

/** The link on a screen: it begins a row, and goes on over full rows without indentation. */
function linkOn(terminal: PseudoTerminal): string {
  const rows = terminal.rows();
  const first = rows.findIndex((row) => row.startsWith("https:"));
  const length = rows.slice(first).findIndex((row) => !/^\S+$/.test(row));
  return rows.slice(first, first + length).join("");
}

it("two people talk, each at a real terminal", async () => {
  await using world = await World.start();
  await using ana = parley("join", await world.inviteLink(), "--name", "ana", "--profile", "ana");
  await ana.shows("Connected");
  ana.type("/room garden\r");
  await ana.shows(/#garden/);
  ana.type("/invite\r");
  await ana.shows(/^https:\/\/127\S+\n(?:\S+\n)*(?: .*)?\n/m);
  const link = linkOn(ana);
  await using bo = parley("join", link, "--name", "bo", "--profile", "bo");
  await bo.shows(/garden/);
  await ana.shows("bo joined");

  bo.type("hello from the other side\r");
  await ana.shows(/bo {2}hello from the other side/);
  ana.type("hi bo, grüße 👋\r");
  await bo.shows(/ana {2}hi bo, grüße 👋/);

  bo.resize(60, 12);
  await bo.shows(/^(?:.{0,60}\n)+.{0,60}$/);
  await bo.shows(/hi bo, grüße/);

  await world.relay.close();
  await ana.shows(/reconnecting|Connection lost|lost/i);
  ana.type("written while the relay is away\r");
  await ana.shows("written while the relay is away");
  await world.restartRelay();
  await bo.shows("written while the relay is away");

  ana.type("/quit\r");
  expect(await ana.exited).toBe(0);
  bo.type("!exit\r");
  expect(await bo.exited).toBe(0);
});
