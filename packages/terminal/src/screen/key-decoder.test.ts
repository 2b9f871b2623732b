import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KeyDecoder, key } from "./key-decoder.ts";

const decode = (input: string) => new KeyDecoder().push(input);

describe("keys", () => {
  test.each([
    ["\r", key("enter")],
    ["\n", key("j", { ctrl: true })],
    ["\t", key("tab")],
    ["\x1b[Z", key("tab", { shift: true })],
    ["\x7f", key("backspace")],
    ["\x01", key("a", { ctrl: true })],
    ["\x1f", key("_", { ctrl: true })],
    ["\x1b[A", key("up")],
    ["\x1bOA", key("up")],
    ["\x1b[1;3A", key("up", { alt: true })],
    ["\x1b\x1b[A", key("up", { alt: true })],
    ["\x1b[1;5C", key("right", { ctrl: true })],
    ["\x1b[H", key("home")],
    ["\x1b[4~", key("end")],
    ["\x1b[5~", key("pageup")],
    ["\x1b[3;5~", key("delete", { ctrl: true })],
    ["\x1b\r", key("enter", { alt: true })],
    ["\x1b[13;2u", key("enter", { shift: true })],
    ["\x1b[27;2;13~", key("enter", { shift: true })],
    ["\x1b[97;5u", key("a", { ctrl: true })],
    ["\x1b1", key("1", { alt: true })],
    ["\x1bb", key("b", { alt: true })],
    ["\x1b\x7f", key("backspace", { alt: true })],
  ])("%j", (input, expected) => {
    expect(decode(input)).toEqual([expected]);
  });

  test("a lone Escape is a key once nothing follows", () => {
    const decoder = new KeyDecoder();
    expect(decoder.push("\x1b")).toEqual([]);
    expect(decoder.waiting).toBe(true);
    expect(decoder.flush()).toEqual([key("escape")]);
  });

  test("a key's release is no key", () => {
    expect(decode("\x1b[97;1:3u")).toEqual([]);
  });
});

describe("paste", () => {
  test("is one event, also with line breaks and when it comes in pieces", () => {
    const decoder = new KeyDecoder();
    expect(decoder.push("\x1b[20")).toEqual([]);
    expect(decoder.push("0~one\rtw")).toEqual([]);
    expect(decoder.waiting).toBe(false);
    expect(decoder.push("o\x1b[A\r\x1b[201~x")).toEqual([
      { kind: "paste", text: "one\rtwo\x1b[A\r" },
      { kind: "text", text: "x" },
    ]);
  });

  test("without brackets is recognised by line breaks amid text", () => {
    expect(decode("one\rtwo\r")).toEqual([{ kind: "paste", text: "one\rtwo\r" }]);
    expect(decode("one\r")).toEqual([{ kind: "text", text: "one" }, key("enter")]);
  });
});

test("mouse, focus and answers", () => {
  expect(decode("\x1b[<64;10;5M\x1b[<65;1;1M\x1b[<0;3;4M\x1b[<0;3;4m")).toEqual([
    { kind: "wheel", direction: -1, column: 9, row: 4 },
    { kind: "wheel", direction: 1, column: 0, row: 0 },
    { kind: "click", column: 2, row: 3 },
  ]);
  expect(decode("\x1b[I\x1b[O")).toEqual([
    { kind: "focus", focused: true },
    { kind: "focus", focused: false },
  ]);
  expect(decode("\x1b]11;rgb:0000/0000/0000\x07")).toEqual([
    { kind: "reply", text: "11;rgb:0000/0000/0000" },
  ]);
  expect(decode("\x1b]11;rgb:0/0/0\x1b\\a")).toEqual([
    { kind: "reply", text: "11;rgb:0/0/0" },
    { kind: "text", text: "a" },
  ]);
});

test("a character cut in two by the pipe is one character", () => {
  const decoder = new KeyDecoder();
  const bytes = new TextEncoder().encode("é");
  expect(decoder.push(bytes.subarray(0, 1))).toEqual([]);
  expect(decoder.push(bytes.subarray(1))).toEqual([{ kind: "text", text: "é" }]);
});

test("any bytes in any pieces decode without a throw, and text holds no control character", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "\x1b",
      "\x1b[",
      "\x1b[200~",
      "\x1b[201~",
      "\x1b]11;",
      "\x07",
      "\r",
      "\x1b[1;",
      "<64;1;1M",
      "\x1bO",
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const decoder = new KeyDecoder();
      for (const one of [...pieces.flatMap((text) => decoder.push(text)), ...decoder.flush()]) {
        if (one.kind === "text") expect(one.text).not.toMatch(/[\x00-\x1f\x7f]/);
      }
    }),
    { numRuns: 2_000 },
  );
});
