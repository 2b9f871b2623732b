// Every section that the code cites (docs/protocol.md §4.2, trust.md §A1 …) must be a heading of that document, or a
// numbered point of one; every file that SECURITY.md names must exist. `node scripts/check-sections.ts [ROOT]`

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The tree to check: a folder under git, by default this one. */
const root = process.argv[2] ?? join(import.meta.dirname, "..");
const CITATION = /(?:docs\/)?([a-z0-9-]+\.md),? §([A-Z]\d*|\d+(?:\.\d+)*)/g;
const HEADING = /^#+ ([A-Z]?\d+(?:\.\d+)*|[A-Z](?=\.))\.? /;
const NAMED_FILE = /`([a-z-]+\/[\w./-]+\.[a-z]+)`/g;
const POINT = /^(\d+)\. /;

const sections = new Map<string, ReadonlySet<string>>();

/** The sections of `docs/<document>`. */
function sectionsOf(document: string): ReadonlySet<string> {
  const known = sections.get(document);
  if (known) return known;
  const path = join(root, "docs", document);
  const found = new Set<string>();
  let heading: string | undefined;
  for (const line of existsSync(path) ? readFileSync(path, "utf8").split("\n") : []) {
    if (line.startsWith("#")) heading = HEADING.exec(line)?.[1];
    const point = POINT.exec(line)?.[1];
    if (heading !== undefined) found.add(point === undefined ? heading : `${heading}.${point}`);
  }
  sections.set(document, found);
  return found;
}

const files = execFileSync(
  "git",
  ["ls-files", "--cached", "--others", "--exclude-standard", "*.ts", "*.tsx"],
  {
    cwd: root,
    encoding: "utf8",
  },
);
const missing: string[] = [];
for (const file of files.split("\n").filter((name) => name !== "" && existsSync(join(root, name)))) {
  const text = readFileSync(join(root, file), "utf8");
  for (const [, document, section] of text.matchAll(CITATION)) {
    if (document && section && !sectionsOf(document).has(section))
      missing.push(`${file}: docs/${document} §${section}`);
  }
}
const security = join(root, "SECURITY.md");
for (const [, file] of (existsSync(security) ? readFileSync(security, "utf8") : "").matchAll(NAMED_FILE)) {
  if (file && !existsSync(join(root, file))) missing.push(`SECURITY.md: ${file}`);
}
if (missing.length > 0) {
  console.error(`Cited sections and files that do not exist:\n${missing.join("\n")}`);
  process.exit(1);
}
console.log("sections: every cited one exists");
