import { expect, test } from "vitest";
import { checkTree } from "./test-tree.ts";

const document = "# Title\n\n## 4. Requests\n\n### 4.2 register\n\nSee §9.\n";
const check = (code: string, documents: Readonly<Record<string, string>> = { "docs/protocol.md": document }) =>
  checkTree("check-sections.ts", { ...documents, "packages/trust/src/a.ts": code });

test("sections that are headings may be cited", () => {
  const verdict = check("/** docs/protocol.md §4.2, and docs/protocol.md, §4. */\n");
  expect(verdict).toEqual({ passed: true, lines: ["sections: every cited one exists"] });
});

test.each(["docs/protocol.md §4.3", "docs/protocol.md §9", "docs/protocol.md §4.2.1", "docs/other.md §4"])(
  "%s is no heading",
  (citation) => {
    const { passed, lines } = check(`// ${citation}\n`);
    expect(passed).toBe(false);
    expect(lines).toContain(`packages/trust/src/a.ts: ${citation}`);
  },
);

test("every wrong citation is named", () => {
  const { lines } = check("// docs/protocol.md §7 and docs/protocol.md §8, docs/protocol.md §4\n");
  expect(lines.filter((line) => line.startsWith("packages/"))).toHaveLength(2);
});
