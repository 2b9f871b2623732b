import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { expect, test } from "vitest";

const HOUSE = join(import.meta.dirname, "../../../..");
const DOOR = join("packages", "client", "src", "mls") + sep;
const UNSAFE =
  /\b(defaultClientConfig|defaultAuthenticationService|acceptAll|unsafeTestingAuthenticationService)\b/;
const IMPORTS_TS_MLS = /(?:from|import|require)\s*\(?\s*["']ts-mls(?:\/|["'])/;

function sources(folder: string): string[] {
  return readdirSync(join(HOUSE, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name === "node_modules" || entry.name === "dist" || entry.name.startsWith(".")) return [];
    if (entry.isDirectory()) return sources(path);
    return /\.(?:[cm]?[jt]sx?)$/.test(entry.name) ? [path] : [];
  });
}

const files = sources(".").map((path) => ({ path, text: readFileSync(join(HOUSE, path), "utf8") }));
const itself = relative(HOUSE, import.meta.filename);

test("ts-mls is imported in the engine's folder alone", () => {
  const importers = files
    .filter(({ path, text }) => !path.startsWith("scripts") && IMPORTS_TS_MLS.test(text))
    .map(({ path }) => path);
  expect(importers.filter((path) => !path.startsWith(DOOR))).toEqual([]);
  expect(importers).toContain(join(DOOR, "processing.ts"));
});

test("nothing names what accepts every key", () => {
  expect(
    files.filter(({ path, text }) => path !== itself && UNSAFE.test(text)).map(({ path }) => path),
  ).toEqual([]);
});

test("the engine never uses the library's processMessage, which drops pre-shared keys", () => {
  const engine = files.filter(({ path }) => path.startsWith(DOOR) && path !== itself);
  const guilty = engine.filter(({ text }) => /import[^;]*\bprocessMessage\b[^;]*from "ts-mls/.test(text));
  expect(guilty.map(({ path }) => path)).toEqual([]);
});

test("node:crypto stays out of what a browser loads", () => {
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const loaded = new Set<string>();
  const load = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const [, imported] of (texts.get(path) ?? "").matchAll(/from "(\.[^"]+)"/g))
      load(join(dirname(path), imported ?? ""));
  };
  load(join(DOOR, "index.ts"));
  expect(loaded.size).toBeGreaterThan(20);
  expect([...loaded].filter((path) => !texts.has(path))).toEqual([]);
  expect([...loaded].filter((path) => /from "node:|warm-room|test-room/.test(texts.get(path) ?? ""))).toEqual(
    [],
  );
});
