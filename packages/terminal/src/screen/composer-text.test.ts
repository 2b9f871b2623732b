import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ComposerText } from "./composer-text.ts";
import {
  composerOf,
  deleteBackward,
  deleteForward,
  EMPTY_COMPOSER,
  insert,
  killToLineEnd,
  killToLineStart,
  killWordBackward,
  layOutComposer,
  moveLeft,
  moveLineEnd,
  moveLineStart,
  moveRight,
  moveRow,
  moveWordLeft,
  moveWordRight,
} from "./composer-text.ts";
import { graphemes, textWidth } from "./text-width.ts";

const piece = fc.constantFrom(
  "a",
  "word",
  " ",
  "\n",
  "日本",
  "👩‍👩‍👧",
  "🇨",
  "🇭",
  "\u0301",
  "é",
  "\u200d",
  "क",
  "्",
  "👍🏽",
);
const OPERATIONS: Readonly<Record<string, (at: ComposerText) => ComposerText>> = {
  deleteBackward,
  deleteForward,
  moveLeft,
  moveRight,
  moveWordLeft,
  moveWordRight,
  moveLineStart,
  moveLineEnd,
  killToLineEnd: (at) => killToLineEnd(at).rest,
  killToLineStart: (at) => killToLineStart(at).rest,
  killWordBackward: (at) => killWordBackward(at).rest,
  rowUp: (at) => moveRow(at, 12, -1) ?? at,
  rowDown: (at) => moveRow(at, 12, 1) ?? at,
};
const operation = fc.oneof(
  piece.map((text) => ({ name: "insert", text })),
  fc.constantFrom(...Object.keys(OPERATIONS)).map((name) => ({ name, text: "" })),
);
const apply = (at: ComposerText, { name, text }: { name: string; text: string }): ComposerText =>
  name === "insert" ? insert(at, text) : OPERATIONS[name]!(at);

/** The same operations on two arrays of characters, re-cut after each step: slow, and plainly right. */
class Reference {
  before: string[] = [];
  after: string[] = [];

  apply({ name, text }: { name: string; text: string }): void {
    if (name === "insert") this.#set(this.before.join("") + text, this.after.join(""));
    if (name === "deleteBackward") this.#set(this.before.slice(0, -1).join(""), this.after.join(""));
    if (name === "deleteForward") this.#set(this.before.join(""), this.after.slice(1).join(""));
    if (name === "moveLeft" && this.before.length > 0) this.after.unshift(this.before.pop()!);
    if (name === "moveRight" && this.after.length > 0) this.before.push(this.after.shift()!);
    if (name === "moveLineStart")
      while (this.before.length > 0 && this.before.at(-1) !== "\n") this.after.unshift(this.before.pop()!);
    if (name === "moveLineEnd")
      while (this.after.length > 0 && this.after[0] !== "\n") this.before.push(this.after.shift()!);
  }

  /** A character that forms across the cursor goes before it. */
  #set(before: string, after: string): void {
    this.before = [];
    this.after = [];
    let length = 0;
    for (const character of graphemes(before + after)) {
      (length < before.length ? this.before : this.after).push(character);
      length += character.length;
    }
  }
}

describe("the text model", () => {
  test("equals the reference for any sequence of its basic operations", () => {
    const basic = new Set([
      "insert",
      "deleteBackward",
      "deleteForward",
      "moveLeft",
      "moveRight",
      "moveLineStart",
      "moveLineEnd",
    ]);
    fc.assert(
      fc.property(
        fc.array(
          operation.filter(({ name }) => basic.has(name)),
          { maxLength: 60 },
        ),
        (operations) => {
          const reference = new Reference();
          let at = EMPTY_COMPOSER;
          for (const one of operations) {
            at = apply(at, one);
            reference.apply(one);
            expect(at.text).toBe([...reference.before, ...reference.after].join(""));
            expect(at.cursor).toBe(reference.before.join("").length);
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("keeps the cursor between characters, and the layout within its width, for all operations", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        let at = EMPTY_COMPOSER;
        for (const one of operations) {
          at = apply(at, one);
          const boundaries = new Set([0]);
          let index = 0;
          for (const character of graphemes(at.text)) boundaries.add((index += character.length));
          expect(boundaries.has(at.cursor)).toBe(true);
        }
        const { rows, cursorRow, cursorColumn } = layOutComposer(at, 12);
        expect(rows.every((row) => textWidth(row.text) < 12)).toBe(true);
        expect(rows[cursorRow]).toBeDefined();
        expect(cursorColumn).toBeLessThan(12);
      }),
      { numRuns: 1_000 },
    );
  });
});

test("words", () => {
  const at = composerOf("one two-three, vier");
  expect(moveWordLeft(at).cursor).toBe(15);
  expect(moveWordLeft(moveWordLeft(at)).cursor).toBe(8);
  expect(moveWordRight({ ...at, cursor: 3 }).cursor).toBe(7);
  expect(killWordBackward({ ...at, cursor: 14 })).toEqual({
    rest: { text: "one  vier", cursor: 4 },
    killed: "two-three,",
  });
});

test("lines", () => {
  const at = { text: "one\ntwo\nthree", cursor: 5 };
  expect(moveLineStart(at).cursor).toBe(4);
  expect(moveLineEnd(at).cursor).toBe(7);
  expect(killToLineEnd(at)).toEqual({ rest: { text: "one\nt\nthree", cursor: 5 }, killed: "wo" });
  expect(killToLineEnd({ ...at, cursor: 7 }).rest.text).toBe("one\ntwothree");
  expect(killToLineStart({ ...at, cursor: 4 }).rest.text).toBe("onetwo\nthree");
});

test("rows: up and down keep the column, and end at the edges", () => {
  const at = { text: "abcdef\nxy\nlonger", cursor: 5 };
  expect(moveRow(at, 20, -1)).toBeUndefined();
  expect(moveRow(at, 20, 1)?.cursor).toBe(9);
  expect(moveRow({ ...at, cursor: 14 }, 20, -1)?.cursor).toBe(9);
});

test("a long line takes as many rows as it needs, the cursor's column always free", () => {
  expect(layOutComposer(composerOf("abcdefghij"), 5)).toEqual({
    rows: [
      { text: "abcd", start: 0 },
      { text: "efgh", start: 4 },
      { text: "ij", start: 8 },
    ],
    cursorRow: 2,
    cursorColumn: 2,
  });
});
