import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { textColumns } from "./columns.ts";
import type { Edit, EditedLine } from "./line-editor.ts";
import { EMPTY_LINE, editLine, insertText, viewLine } from "./line-editor.ts";

const textOf = (line: EditedLine) => line.graphemes.join("");
const edits = (line: EditedLine, ...keys: Edit[]) => keys.reduce(editLine, line);

describe("editing", () => {
  test("types, moves and deletes by what a reader takes for a character", () => {
    const line = insertText(EMPTY_LINE, "a👩‍👩‍👧é");
    expect(line.cursor).toBe(3);
    expect(textOf(edits(line, "backspace"))).toBe("a👩‍👩‍👧");
    expect(textOf(edits(line, "left", "backspace"))).toBe("aé");
    expect(textOf(edits(line, "home", "delete"))).toBe("👩‍👩‍👧é");
    expect(textOf(insertText(edits(line, "home", "right"), "x"))).toBe("ax👩‍👩‍👧é");
    expect(edits(line, "left", "kill")).toEqual({ graphemes: ["é"], cursor: 0 });
  });

  test("joins an accent that is typed behind its letter", () => {
    expect(insertText(insertText(EMPTY_LINE, "e"), "\u0301")).toEqual({ graphemes: ["e\u0301"], cursor: 1 });
  });

  test("keeps the cursor inside the line whatever is pressed", () => {
    const keys = fc.array(
      fc.constantFrom<Edit>("backspace", "delete", "end", "home", "kill", "left", "right"),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), keys, (text, pressed) => {
        const { graphemes, cursor } = edits(insertText(EMPTY_LINE, text), ...pressed);
        expect(cursor).toBeGreaterThanOrEqual(0);
        expect(cursor).toBeLessThanOrEqual(graphemes.length);
      }),
    );
  });
});

describe("the prompt", () => {
  test("shows the end of a line that is too long, and follows the cursor back", () => {
    const line = insertText(EMPTY_LINE, "abcdefghij");
    expect(viewLine(line, 5)).toEqual({ text: "ghij", cursorColumn: 4 });
    expect(viewLine(editLine(line, "home"), 5)).toEqual({ text: "abcde", cursorColumn: 0 });
    expect(viewLine(line, 20)).toEqual({ text: "abcdefghij", cursorColumn: 10 });
  });

  test("never shows more than fits and always shows the cursor", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme" }),
        fc.nat(),
        fc.integer({ min: 1, max: 30 }),
        (text, at, columns) => {
          const typed = insertText(EMPTY_LINE, text);
          const view = viewLine({ ...typed, cursor: at % (typed.graphemes.length + 1) }, columns);
          expect(textColumns(view.text)).toBeLessThanOrEqual(columns);
          expect(view.cursorColumn).toBeLessThan(columns);
        },
      ),
    );
  });
});
