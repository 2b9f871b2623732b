import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openChat, openStore } from "@parley/client/node";
import { expect, it, onTestFinished } from "vitest";
import { StoreError } from "../packages/client/src/store/client-store.ts";
import { connected, lines, roomOf, sees, until, World } from "./world.ts";

const DISK_BYTES = 8 * 2 ** 20;
const FILE_LIMIT_BYTES = 256 * 1024;

/** A disk of a few megabytes; undefined where this process may not mount one. */
function smallDisk(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "parley-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", folder], { stdio: "ignore" });
    return folder;
  } catch {
    rmSync(folder, { recursive: true });
    return undefined;
  }
}

const disk = smallDisk();

function fill(folder: string): string {
  const file = join(folder, "ballast");
  const { bavail, bsize } = statfsSync(folder);
  writeFileSync(file, new Uint8Array(bavail * bsize));
  return file;
}

it.runIf(disk)(
  "a disk that is full is said so, and loses nothing that was promised; later all goes on",
  async () => {
    if (!disk) throw new Error("no disk");
    onTestFinished(() => {
      execFileSync("umount", [disk]);
      rmSync(disk, { recursive: true });
    });
    await using world = await World.start();
    const bo = await world.person("bo");
    world.homeFolder = join(disk, "home");
    const ana = await world.person("ana");
    const room = await roomOf(ana, "garden", [bo]);
    const ballast = fill(disk);
    const promised: string[] = [];
    const refusal = await (async () => {
      for (let n = 0; ; n++) {
        const text = `${n} ${"x".repeat(4000)}`;
        await ana.chat.send(room, text);
        promised.push(text);
      }
    })().catch((error: unknown) => error);
    expect(refusal).toMatchObject({ name: "StoreError", code: "unavailable", retryable: true });
    expect((refusal as StoreError).message).toContain("disk full");
    await bo.chat.send(room, "are you there?");
    await ana.chat.close();
    rmSync(ballast);
    await world.reopen(ana);
    await connected(ana);
    await until(ana, "all is sent", (chat) => chat.snapshot().queued === 0);
    await sees(ana, room, "bo: are you there?");
    await ana.chat.send(room, "room again");
    await sees(bo, room, "ana: room again");
    const fromAna = lines(bo, room, 10_000).filter((line) => /^ana: \d/.test(line));
    expect(fromAna).toEqual(promised.map((text) => `ana: ${text}`));
    const others = world.faults.filter((error) => !(error instanceof StoreError));
    world.faults.splice(0, world.faults.length, ...others);
  },
);

it("a folder that cannot be written is said so when the program starts", async () => {
  const folder = mkdtempSync(join(tmpdir(), "parley-read-only-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  // Also root cannot make a file in the place of a folder.
  const file = join(folder, "file");
  writeFileSync(file, "");
  expect(() => openStore(join(file, "home"))).toThrow(StoreError);
  const store = openStore(join(folder, "home"));
  onTestFinished(() => store.close());
  await expect(openChat({ folder, store, onFault: () => undefined })).rejects.toThrow("no account");
});

it("a file that may not grow keeps what it was promised, and takes more when it may grow again", () => {
  const folder = mkdtempSync(join(tmpdir(), "parley-limit-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const store = openStore(folder);
  const limit = (size: string) =>
    execFileSync("prlimit", ["--pid", String(process.pid), `--fsize=${size}:unlimited`]);
  onTestFinished(() => void limit("unlimited"));
  const put = (n: number) => {
    const value = new Uint8Array(4096).fill(n);
    store.write([{ kind: "put", collection: "value", key: `${n}`, value }]);
  };
  limit(String(FILE_LIMIT_BYTES));
  let kept = 0;
  expect(() => {
    for (; ; kept++) put(kept);
  }).toThrow(StoreError);
  limit("unlimited");
  expect(kept).toBeGreaterThan(0);
  put(kept);
  store.close();
  const again = openStore(folder);
  onTestFinished(() => again.close());
  expect(
    again
      .range("value")
      .map(([key]) => Number(key))
      .sort((a, b) => a - b),
  ).toEqual(Array.from({ length: kept + 1 }, (_, n) => n));
});
