import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { findInFiles } from "./relay-process.ts";

const folder = mkdtempSync(join(tmpdir(), "parley-find-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("finds a text in a file among others, in either encoding, and says where", async () => {
  writeFileSync(join(folder, "a"), Buffer.alloc(5000, 7));
  expect(await findInFiles(folder, ["secret"])).toEqual({ files: 1, bytes: 5000, found: undefined });
  writeFileSync(join(folder, "b"), Buffer.concat([Buffer.alloc(100), Buffer.from("a secret word")]));
  expect((await findInFiles(folder, ["other", "secret"])).found).toBe('"secret" in b');
  rmSync(join(folder, "b"));
  writeFileSync(join(folder, "c"), Buffer.from("secret", "utf16le"));
  expect((await findInFiles(folder, ["secret"])).found).toBe('"secret" in c');
});
