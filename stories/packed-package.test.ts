import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
const elsewhere = mkdtempSync(join(tmpdir(), "parley-packed-"));
afterAll(() => rmSync(elsewhere, { recursive: true, force: true }));

const run = (command: string, args: readonly string[], cwd: string) =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

it("the packed package runs where it is installed, with nothing of the repository around it", () => {
  run(process.execPath, [join(root, "scripts", "build.ts")], root);
  const [tarball] = run("npm", ["pack", "--silent", "--pack-destination", elsewhere, "./build/parley"], root)
    .trim()
    .split("\n");
  expect(statSync(join(elsewhere, tarball ?? "")).size).toBeLessThan(2_000_000);
  writeFileSync(join(elsewhere, "package.json"), JSON.stringify({ name: "elsewhere", private: true }));
  run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", `./${tarball}`], elsewhere);
  expect(readdirSync(join(elsewhere, "node_modules"))).not.toContain("ts-mls");
  const parley = join(elsewhere, "node_modules", ".bin", "parley");
  expect(run(parley, ["--version"], elsewhere)).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(run(parley, ["demo"], elsewhere)).toMatch(/demo: ok\n$/);
});
