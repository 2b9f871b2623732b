import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serverCode } from "@parley/trust";
import { expect, onTestFinished, test } from "vitest";
import { runConnect } from "../packages/terminal/src/verbs/connect.ts";
import { runLogMonitor } from "../packages/terminal/src/verbs/log.ts";
import { runStatus } from "../packages/terminal/src/verbs/status.ts";
import { runTrust } from "../packages/terminal/src/verbs/trust.ts";
import { ForkedServer, strawMan } from "./evil-server.ts";
import { StoryWitness, signed, trustFile } from "./story-witness.ts";
import { verbContext } from "./verb-context.ts";
import { connected, roomOf, until, World } from "./world.ts";

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "parley-policy-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("parley trust: a file is taken in, the policy chosen, the witnesses asked after", async () => {
  await using ann = await StoryWitness.start("ann.example/w");
  await using ben = await StoryWitness.start("ben.example/w");
  await using world = await World.start({ witnesses: [ann.address()] });
  ann.know(world.relay.logKey);
  const ana = await world.person("ana");
  await world.person("bo");
  await ana.chat.policy().addTrustFile(await trustFile([ann], { title: "Ann" }), []);
  await signed(ana);
  await ana.chat.openDirect("bo");
  await world.close(ana);

  const { context, out } = verbContext(ana.folder);
  expect(await runTrust(context, ["witnesses"])).toBe(0);
  expect(out()).toMatch(
    /^Witnesses: 1 of 1 have to sign the server's log\n {2}ann\.example\/w: signed on \d{4}-\d\d-\d\d \d\d:\d\d\nSigned: 6 entries\n$/,
  );
  expect(await runTrust(context, ["policy", "set", "strict"])).toBe(0);
  out();
  expect(await runTrust(context, ["policy", "show"])).toBe(0);
  const shown = out();
  expect(shown).toMatch(/^Policy: strict\n/);
  expect(shown).toContain('    talk = "chain & checked & ledger"\n');
  expect(shown).toContain("\nFile: Ann, good until ");
  expect(await runTrust(context, ["policy", "test", "friends"])).toBe(0);
  expect(out()).toBe("passes  bo\n    ok all of\n      ok chain\n      ok ledger\n");
  expect(await runTrust(context, ["policy", "test", "strict"])).toBe(10);
  expect(out()).toContain("-- checked: not checked by you");

  const weak = join(world.folder, "weak.note");
  writeFileSync(weak, await trustFile([ann, ben], { quorum: 1 }));
  await expect(runTrust(context, ["add", weak])).rejects.toMatchObject({
    code: "not-allowed",
    message:
      "1 of 2 witnesses is too few: half of them can sign one log and the other half another, with nobody lying",
  });
  const both = join(world.folder, "both.note");
  writeFileSync(both, await trustFile([ann, ben], { quorum: 2 }));
  expect(await runTrust(context, ["add", both])).toBe(0);
  expect(out()).toContain(
    "Taken: Friends\nThe server's log now has to be signed by 1 of 1 and 2 of 2 witnesses.\n",
  );
  expect(await runTrust(context, ["witnesses"])).toBe(10);
  expect(out()).toContain("ben.example/w: has not signed the newest");
  expect(await runStatus(context, {})).toBe(0);
  expect(out()).toContain("Warning: your witnesses (1 of 1 and 2 of 2) have not signed");
  const stop = new AbortController();
  const monitored = runLogMonitor({ ...context, signal: stop.signal }, { every: 0.0001 });
  let seen = "";
  await expect.poll(() => (seen += out()), { timeout: 10_000 }).toContain("Warning: ");
  stop.abort();
  expect(await monitored).toBe(0);
  expect(seen + out()).toBe(
    "Warning: your witnesses (1 of 1 and 2 of 2) have not signed this server's log as you see it: nobody new can be added until they do\n",
  );
  await expect(runTrust(context, ["add", both, "--require-sig", ann.vkey])).rejects.toMatchObject({
    code: "refused",
  });
  writeFileSync(both, "nonsense");
  await expect(runTrust(context, ["add", both])).rejects.toMatchObject({ message: "That is no trust file" });
  await expect(runTrust(context, ["policy", "set", "lax"])).rejects.toMatchObject({ exitCode: 2 });
  await expect(runTrust(context, ["replace", "x"])).rejects.toMatchObject({ exitCode: 2 });
  expect(await runTrust(context, ["evidence"])).toBe(0);
  expect(out()).toBe("There is no evidence against this server.\n");
});

test("parley connect: the trust file that was added before names the server, and it is believed", async () => {
  await using world = await World.start({ registration: "open" });
  const { serverId, address } = world.relay;
  const folder = makeFolder();
  const { context, out } = verbContext(folder);
  const host = `127.0.0.1:${address.port}`;
  const options = { name: "ana", open: false, plain: true, mouse: false, theme: "auto" } as const;
  await expect(runConnect(context, host, options)).rejects.toMatchObject({ code: "not-proven" });
  const file = join(folder, "team.note");
  writeFileSync(file, await trustFile([], { servers: [{ host: "127.0.0.1", serverId }] }));
  expect(await runTrust(context, ["add", file])).toBe(0);
  expect(await runTrust(context, ["policy", "set", "strict"])).toBe(0);
  out();
  expect(await runConnect(context, host, options)).toBe(0);
  expect(out()).toBe(
    [
      `First time here.  Server code ${serverCode(serverId)}`,
      "  ok   manual  named by your trust file Friends",
      "  --   ca      no certificate authority of this machine vouches for the host",
      "  --   ledger  no witness of yours knows it",
      "  --   vouch   nobody you have checked vouches for it",
      'Rule "first" is met by manual. Remembered. From now on only this server\'s own key chain counts.',
      "You are ana.",
      `Recovery words to write on paper: ${folder}/recovery-words.txt`,
      "",
    ].join("\n"),
  );
});

test("parley trust make: what one member writes out, a newcomer adds before connecting", async () => {
  await using ann = await StoryWitness.start("ann.example/w");
  await using world = await World.start({ registration: "open", witnesses: [ann.address()] });
  ann.know(world.relay.logKey);
  const ana = await world.person("ana");
  await ann.gave("only");
  await world.close(ana);
  const { context, out } = verbContext(ana.folder);
  const file = join(world.folder, "garden.note");
  const make = ["make", file, "--title", "Garden club", "--witness", `${ann.vkey}=${ann.address().url}`];
  await expect(runTrust(context, [...make, "--quorum", "2"])).rejects.toMatchObject({ exitCode: 1 });
  await expect(runTrust(context, ["make", file])).rejects.toMatchObject({ exitCode: 2 });
  const two = ["--witness", ann.vkey, "--quorum", "1"];
  await expect(runTrust(context, [...make, ...two])).rejects.toMatchObject({
    message: "1 of 2 witnesses is too few: more than half are needed",
  });
  expect(await runTrust(context, [...make, "--days", "30"])).toBe(0);
  const [, vkey = ""] = /--require-sig '(.*)'\n$/.exec(out()) ?? [];
  expect(statSync(join(ana.folder, "trust-file-key")).mode & 0o077).toBe(0);

  const newcomer = verbContext(makeFolder());
  expect(await runTrust(newcomer.context, ["add", file, "--require-sig", vkey])).toBe(0);
  expect(newcomer.out()).toBe(
    "Taken: Garden club\nThe server's log now has to be signed by 1 of 1 witnesses.\n",
  );
  const options = { name: "bo", open: false, plain: true, mouse: false, theme: "auto" } as const;
  const host = `127.0.0.1:${world.relay.address.port}`;
  expect(await runConnect(newcomer.context, host, options)).toBe(0);
  expect(newcomer.out()).toMatch(
    /\n {2}ok {3}manual {2}named by your trust file Garden club\n {2}ok {3}ledger {2}log of \d+ entries, signed by 1 of 1 of your witnesses\n/,
  );
});

test("parley trust evidence: what proves a fork is told with exit code 12, and written out for others", async () => {
  await using server = await ForkedServer.start((await strawMan("mallory")).logged);
  await using world = await World.start();
  const { ana, bo } = await server.anaAndBo(world);
  const room = await roomOf(ana, "garden", [bo]);
  await ana.chat.send(room, "hello");
  await until(ana, "the fork is proven", (chat) => chat.log().status().forked);
  await world.close(ana);
  const { context, out } = verbContext(ana.folder);
  expect(await runTrust(context, ["evidence", "list"])).toBe(12);
  expect(out()).toMatch(
    /^The log 127\.0\.0\.1\/parley forked; its key signed both:\n( {2}\d+ entries, root [0-9a-f]{64}\n){2}$/,
  );
  const file = join(world.folder, "evidence.txt");
  expect(await runTrust(context, ["evidence", "export", file])).toBe(0);
  out();
  const stopping = { ...context, signal: AbortSignal.abort() };
  expect(await runLogMonitor(stopping, { every: 10 })).toBe(12);
  expect(out()).toMatch(/^ALARM: this server's log shows different people different things; the proof is /);
  expect(readFileSync(file, "utf8")).toMatch(/^tlog-fork-evidence@v1\n/);
});

test("parley trust replace: another server is taken only when it is the one of the code", async () => {
  await using world = await World.start();
  const ana = await world.person("ana");
  const relayFolder = join(world.folder, "relay");
  const host = `127.0.0.1:${world.relay.address.port}`;
  const old = serverCode(world.relay.serverId);
  await world.restartRelayAfter(() => {
    for (const file of ["identity.json", "log-key.json", "log.db", "log.db-wal", "log.db-shm"])
      rmSync(join(relayFolder, file), { force: true });
  });
  await until(ana, "stopped", (chat) => chat.snapshot().connection.kind === "stopped");
  expect(ana.chat.snapshot().connection).toMatchObject({ exitCode: 11 });
  await world.close(ana);
  const { context, out } = verbContext(ana.folder);
  await expect(runTrust(context, ["replace", host, "--code", old])).rejects.toMatchObject({
    code: "not-proven",
    verdict: { reason: "code-mismatch" },
  });
  await expect(runTrust(context, ["replace", host, "--code", `${host}!`])).rejects.toMatchObject({
    code: "code-invalid",
  });
  const code = serverCode(world.relay.serverId);
  expect(await runTrust(context, ["replace", host, "--code", code])).toBe(0);
  expect(out()).toBe(`${host} is now the server with the code ${code}.\n`);
  await expect(runTrust(context, ["replace", host, "--code", code])).rejects.toMatchObject({
    message: "That is the server that this account knows already",
  });
  await world.reopen(ana);
  await connected(ana);
  expect(await ana.chat.log().check()).toBe(true);
});
