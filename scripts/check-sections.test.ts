import { expect, test } from "vitest";
import { checkTree } from "./test-tree.ts";

const FILE = "packages/trust/src/a.ts";
const documents = {
  "docs/protocol.md": "# Title\n\n## 4. Requests\n\n### 4.2 register\n\nSee §9.\n\n## Appendix\n\n1. point\n",
  "docs/trust.md":
    "# Title\n\n## 0. Decisions\n\n1. one\n2. two\n\n## A. Ways\n\n### A1. By hand\n\n### Anything\n",
};
/** Written apart, so that this file itself cites nothing. */
const cite = (document: string, section: string) => `${document} §${section}`;
const check = (...citations: readonly string[]) =>
  checkTree("check-sections.ts", { ...documents, [FILE]: `/* ${citations.join(", and ")} */\n` });

test("headings and their numbered points may be cited, in a folder or not", () => {
  const verdict = check(
    cite("docs/protocol.md", "4.2"),
    cite("docs/protocol.md,", "4."),
    cite("docs/trust.md", "0.2"),
    cite("trust.md", "A"),
    cite("trust.md", "A1"),
  );
  expect(verdict).toEqual({ passed: true, lines: ["sections: every cited one exists"] });
});

test.each([
  ["protocol.md", "4.3"],
  ["protocol.md", "9"],
  ["protocol.md", "4.2.1"],
  ["protocol.md", "4.1"],
  ["trust.md", "0.3"],
  ["trust.md", "A2"],
  ["trust.md", "B"],
  ["other.md", "4"],
])("docs/%s has no section %s", (document, section) => {
  const { passed, lines } = check(cite(`docs/${document}`, section));
  expect(passed).toBe(false);
  expect(lines).toContain(`${FILE}: docs/${cite(document, section)}`);
});

test("every wrong citation is named", () => {
  const { lines } = check(cite("docs/protocol.md", "7"), cite("trust.md", "E"), cite("trust.md", "0"));
  expect(lines.filter((line) => line.startsWith(FILE))).toHaveLength(2);
});

test("SECURITY.md names no file that is not there", () => {
  const tree = {
    ...documents,
    [FILE]: "",
    "SECURITY.md": `Shown in \`${FILE}\` and \`stories/gone.test.ts\`.\n`,
  };
  const { passed, lines } = checkTree("check-sections.ts", tree);
  expect(passed).toBe(false);
  expect(lines.filter((line) => line.startsWith("SECURITY.md"))).toEqual([
    "SECURITY.md: stories/gone.test.ts",
  ]);
});
