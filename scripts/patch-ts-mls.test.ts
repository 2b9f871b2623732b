import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { patchTsMls, unpatched } from "./patch-ts-mls.js";

const HOUSE = join(import.meta.dirname, "..");
const FILE = "node_modules/ts-mls/dist/src/clientState.js";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "parley-patch-"));
  mkdirSync(join(root, "node_modules/ts-mls/dist/src"), { recursive: true });
  cpSync(join(HOUSE, "package-lock.json"), join(root, "package-lock.json"));
  cpSync(join(HOUSE, "node_modules/ts-mls/package.json"), join(root, "node_modules/ts-mls/package.json"));
  writeFileSync(join(root, FILE), unpatched(readFileSync(join(HOUSE, FILE), "utf8")));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function edit(path: string, from: string, to: string): void {
  const text = readFileSync(join(root, path), "utf8");
  expect(text).toContain(from);
  writeFileSync(join(root, path), text.replace(from, to));
}

test("the installed engine is patched", () => {
  expect(patchTsMls(HOUSE)).toBe("already patched");
});

test("the published file is patched once, and left alone after that", () => {
  expect(patchTsMls(root)).toBe("patched");
  const patched = readFileSync(join(root, FILE), "utf8");
  expect(patched).toContain("unmergedLeaves.includes(unmergedLeaf)");
  expect(patchTsMls(root)).toBe("already patched");
  expect(readFileSync(join(root, FILE), "utf8")).toBe(patched);
});

test("a file that is not the published one is refused and not touched", () => {
  edit(FILE, "Unable to verify tree hash", "anything else");
  const before = readFileSync(join(root, FILE), "utf8");
  expect(() => patchTsMls(root)).toThrow(/not the published file/);
  expect(readFileSync(join(root, FILE), "utf8")).toBe(before);
});

test("another installed version is refused", () => {
  edit("node_modules/ts-mls/package.json", '"version": "1.6.4"', '"version": "1.6.5"');
  expect(() => patchTsMls(root)).toThrow(/1\.6\.5 is installed/);
});

test("a lock file with another integrity hash is refused", () => {
  edit("package-lock.json", "sha512-BFb9qJ3V1", "sha512-AAAAAAAAA");
  expect(() => patchTsMls(root)).toThrow(/does not pin/);
});
