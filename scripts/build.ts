// Makes the publishable package `parley` in build/parley: the command bundled, every dependency inside (ts-mls with its
// patch), but for Node 26 itself, which comes as the package's one dependency. `npm pack ./build/parley` packs it.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..");
const target = join(root, "build", "parley");
const outdir = join(target, "dist");

const read = (file: string) => JSON.parse(readFileSync(join(root, file), "utf8")) as Record<string, unknown>;

rmSync(target, { recursive: true, force: true });
mkdirSync(outdir, { recursive: true });
const result = await build({
  entryPoints: {
    main: join(root, "packages/terminal/src/main.ts"),
    "safe-prime-worker": join(root, "packages/classic/src/safe-prime-worker.ts"),
  },
  outdir,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node26",
  jsx: "automatic",
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: false,
  metafile: true,
  define: { "process.env.NODE_ENV": '"production"' },
  // Ink loads its development tools only when DEV is set; ws's native helpers are optional.
  external: ["react-devtools-core", "bufferutil", "utf-8-validate"],
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
  logLevel: "warning",
});

const { version, description, license } = read("packages/terminal/package.json");
const { devDependencies } = read("package.json") as { devDependencies: Record<string, string> };
const manifest = {
  name: "parley",
  version,
  description,
  license,
  type: "module",
  bin: { parley: "./bin/parley.js" },
  engines: { node: ">=20" },
  dependencies: { node: devDependencies["node"] },
};
writeFileSync(join(target, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
for (const [from, to] of [
  ["packages/terminal/bin", "bin"],
  ["LICENSE", "LICENSE"],
  ["README.md", "README.md"],
] as const) {
  cpSync(join(root, from), join(target, to), { recursive: true });
}
const bytes = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
console.log(
  `build/parley: ${Object.keys(result.metafile.outputs).length} files, ${Math.round(bytes / 1024)} KiB`,
);
