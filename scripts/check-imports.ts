// The house's rules of import: who may import whom, one public face per package, no cycles, one door to ts-mls.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** The tree to check: a folder under git, by default this one. */
const root = process.argv[2] ?? join(import.meta.dirname, "..");

/** docs: ARCHITECTURE.md, "The house". An arrow means "may import". */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  trust: ["protocol"],
  client: ["protocol", "trust"],
  server: ["protocol", "trust"],
  classic: [],
  terminal: ["protocol", "trust", "client", "server", "classic"],
  web: ["protocol", "trust", "client"],
};
/** Packages that no other file than those in the folder may import. */
const ONE_DOOR: Readonly<Record<string, string>> = { "ts-mls": "packages/client/src/mls/" };

const IMPORT = /(?:^|\n)\s*(?:import|export)\s(?:[^"';]*?\sfrom\s)?\s*"([^"]+)"|\bimport\("([^"]+)"\)/g;

const files = execFileSync(
  "git",
  ["ls-files", "--cached", "--others", "--exclude-standard", "*.ts", "*.tsx"],
  {
    cwd: root,
    encoding: "utf8",
  },
)
  .split("\n")
  .filter((file) => file !== "" && existsSync(join(root, file)));

const problems: string[] = [];
const graph = new Map<string, string[]>();

for (const file of files) {
  const text = readFileSync(join(root, file), "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const typeOnly = new Set(
    [...text.matchAll(/(?:import|export) type [^"]*?"([^"]+)"/g)].map((match) => match[1]),
  );
  const targets: string[] = [];
  for (const match of text.matchAll(IMPORT)) {
    const target = (match[1] ?? match[2]) as string;
    if (target.startsWith(".")) {
      const resolved = normalize(join(dirname(file), target));
      checkRelative(file, resolved);
      if (!typeOnly.has(target)) targets.push(resolved);
    } else {
      checkPackage(file, target);
    }
  }
  graph.set(file, targets);
}

function packageOf(file: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(file)?.[1];
}

function checkRelative(file: string, resolved: string): void {
  const [from, to] = [packageOf(file), packageOf(resolved)];
  if (from === undefined || from === to) return;
  if (to !== undefined) problems.push(`${file} reaches into ${resolved}: import the package's public face`);
  else if (/^(stories|bench)\//.test(resolved)) problems.push(`${file} imports ${resolved}: nobody may`);
}

function checkPackage(file: string, target: string): void {
  for (const [name, folder] of Object.entries(ONE_DOOR)) {
    const within = file.startsWith(folder) || !file.startsWith("packages/");
    if ((target === name || target.startsWith(`${name}/`)) && !within) {
      problems.push(`${file} imports ${target}: only ${folder} may`);
    }
  }
  const from = packageOf(file);
  const to = /^@parley\/([^/]+)/.exec(target)?.[1];
  if (from === undefined || to === undefined || from === to) return;
  if (!MAY_IMPORT[from]?.includes(to)) problems.push(`${file} imports @parley/${to}: ${from} may not`);
}

function findCycles(): void {
  const state = new Map<string, "open" | "done">();
  const path: string[] = [];
  const visit = (file: string): void => {
    if (state.get(file) === "done") return;
    if (state.get(file) === "open") {
      problems.push(`import cycle: ${[...path.slice(path.indexOf(file)), file].join(" → ")}`);
      return;
    }
    state.set(file, "open");
    path.push(file);
    for (const next of graph.get(file) ?? []) visit(next);
    path.pop();
    state.set(file, "done");
  };
  for (const file of graph.keys()) visit(file);
}

findCycles();
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
console.log(`imports: ${files.length} files keep the rules`);
