import { expect, test } from "vitest";
import { checkTree } from "./test-tree.ts";

const check = (files: Readonly<Record<string, string>>) => checkTree("check-imports.ts", files);

test("a tree that keeps the rules passes", () => {
  const verdict = check({
    "packages/protocol/src/index.ts": 'export { a } from "./a.ts";\n',
    "packages/protocol/src/a.ts": 'import { join } from "node:path";\nexport const a = join;\n',
    "packages/client/src/mls/engine.ts":
      'import { group } from "ts-mls";\nimport { a } from "@parley/protocol";\n',
    "packages/client/src/room.ts": 'import type { Engine } from "./mls/engine.ts";\n',
    "packages/terminal/src/main.tsx": 'import { serve } from "@parley/server";\n',
    "stories/story.ts":
      'import { a } from "../packages/protocol/src/a.ts";\nimport { b } from "ts-mls/b.js";\n',
  });
  expect(verdict).toEqual({ passed: true, lines: ["imports: 6 files keep the rules"] });
});

test.each([
  ["protocol", "trust"],
  ["trust", "client"],
  ["client", "server"],
  ["server", "client"],
  ["classic", "protocol"],
  ["web", "server"],
  ["web", "terminal"],
  ["somebody-new", "protocol"],
])("%s may not import %s", (from, to) => {
  const verdict = check({ [`packages/${from}/src/a.ts`]: `import { x } from "@parley/${to}";\n` });
  expect(verdict).toEqual({
    passed: false,
    lines: [`packages/${from}/src/a.ts imports @parley/${to}: ${from} may not`],
  });
});

test.each([
  ["a type", 'import type { x } from "@parley/client";'],
  ["an export", 'export { x } from "@parley/client";'],
  ["everything", 'export * from "@parley/client";'],
  ["an import for its effect", 'import "@parley/client";'],
  ["a dynamic import", 'const x = await import("@parley/client");'],
  ["an inner path", 'import { x } from "@parley/client/mls";'],
  ["an import over several lines", 'import {\n  x,\n  y,\n} from "@parley/client";'],
])("%s counts as an import", (_, line) => {
  const { passed, lines } = check({ "packages/server/src/a.ts": `${line}\n` });
  expect(passed).toBe(false);
  expect(lines).toHaveLength(1);
});

test("what stands in a comment is no import", () => {
  const text =
    '/* import { x } from "@parley/client"; */\n// import "@parley/client";\n * import("ts-mls")\n';
  expect(check({ "packages/server/src/a.ts": `/**\n${text.replaceAll("*/", "")}*/\n` }).passed).toBe(true);
  expect(check({ "packages/server/src/a.ts": '// import "@parley/client";\n' }).passed).toBe(true);
});

test.each([
  ["packages/client/src/rooms/room.ts", false],
  ["packages/server/src/a.ts", false],
  ["packages/client/src/mls/a.ts", true],
  ["bench/a.ts", true],
])("ts-mls is behind one door: %s passes: %s", (file, passes) => {
  for (const target of ["ts-mls", "ts-mls/clientState.js"]) {
    expect(check({ [file]: `import { x } from "${target}";\n` }).passed).toBe(passes);
  }
});

test("a package is not entered by a path", () => {
  const verdict = check({
    "packages/trust/src/a.ts": 'import { x } from "../../protocol/src/codec.ts";\n',
    "packages/protocol/src/codec.ts": "export const x = 1;\n",
  });
  expect(verdict).toEqual({
    passed: false,
    lines: [
      "packages/trust/src/a.ts reaches into packages/protocol/src/codec.ts: import the package's public face",
    ],
  });
});

test.each(["stories", "bench"])("packages do not import %s", (folder) => {
  const verdict = check({
    "packages/trust/src/a.ts": `import { x } from "../../../${folder}/world.ts";\n`,
    [`${folder}/world.ts`]: "export const x = 1;\n",
  });
  expect(verdict).toEqual({
    passed: false,
    lines: [`packages/trust/src/a.ts imports ${folder}/world.ts: nobody may`],
  });
});

test("cycles are found, except through types", () => {
  const cycle = (keyword: string) => ({
    "packages/trust/src/a.ts": `${keyword} { b } from "./b.ts";\n`,
    "packages/trust/src/b.ts": 'export { c } from "./c.ts";\n',
    "packages/trust/src/c.ts": 'import { a } from "./a.ts";\n',
  });
  const [a, b, c] = ["a", "b", "c"].map((name) => `packages/trust/src/${name}.ts`);
  expect(check(cycle("import"))).toEqual({
    passed: false,
    lines: [`import cycle: ${a} → ${b} → ${c} → ${a}`],
  });
  expect(check(cycle("import type")).passed).toBe(true);
});
