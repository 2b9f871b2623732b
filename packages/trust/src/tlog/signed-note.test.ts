import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "./encoding.ts";
import { generateKey, noteSigner, noteVerifier } from "./note-key.ts";
import { formatNote, MAX_NOTE_BYTES, openNote, parseNote, signNote } from "./signed-note.ts";
import { readVectors } from "./test-vectors.ts";

interface Vectors {
  readonly valid: readonly {
    readonly name: string;
    readonly note: string;
    readonly vkeys: readonly string[];
    readonly signedBy: readonly string[];
  }[];
  readonly invalid: readonly {
    readonly name: string;
    readonly note: string;
    readonly vkeys: readonly string[];
    readonly error: string;
  }[];
  readonly invalidUtf8: readonly string[];
  readonly signing: readonly {
    readonly skey: string;
    readonly vkey: string;
    readonly text: string;
    readonly line: string;
  }[];
}

const vectors = readVectors<Vectors>("signed-note");
const verifiersOf = (vkeys: readonly string[]) => vkeys.map((vkey) => noteVerifier(vkey));

describe("a signed note", () => {
  test.each(vectors.valid)("opens: $name", async ({ note, vkeys, signedBy }) => {
    const opened = await openNote(encodeUtf8(note), verifiersOf(vkeys));
    expect(opened.verified.map(({ name }) => name)).toEqual(signedBy);
    expect(note.startsWith(`${opened.text}\n`)).toBe(true);
  });

  test.each(vectors.valid)("prints back byte for byte: $name", ({ note }) => {
    expect(formatNote(parseNote(encodeUtf8(note)))).toEqual(encodeUtf8(note));
  });

  test.each(vectors.invalid)("is refused: $name ($error)", async ({ note, vkeys, error }) => {
    await expect(openNote(encodeUtf8(note), verifiersOf(vkeys))).rejects.toMatchObject({ code: error });
  });

  test.each(vectors.invalidUtf8)("is refused when it is not UTF-8: %s", (hex) => {
    expect(() => parseNote(Buffer.from(hex, "hex"))).toThrow(
      expect.objectContaining({ code: "malformed-note" }),
    );
  });

  test("is refused above the size limit, before anything else is done with it", () => {
    const signature = { name: "a", keyId: 1, signature: new Uint8Array(64) };
    const overhead = formatNote({ text: "\n", signatures: [signature] }).length;
    const longest = `${"x".repeat(MAX_NOTE_BYTES - overhead)}\n`;
    const note = formatNote({ text: longest, signatures: [signature] });
    expect(note.length).toBe(MAX_NOTE_BYTES);
    expect(parseNote(note).text).toBe(longest);
    expect(() => formatNote({ text: `x${longest}`, signatures: [signature] })).toThrow("too long");
    expect(() => parseNote(new Uint8Array(MAX_NOTE_BYTES + 1).fill(0x0a))).toThrow("too long");
  });
});

describe("signing", () => {
  test.each(vectors.signing)("gives the signature of the reference: $vkey", async ({ skey, text, line }) => {
    expect(await signNote(text, [await noteSigner(skey)])).toEqual(encodeUtf8(`${text}\n${line}`));
  });

  test("with two keys gives a note that each opens", async () => {
    const pairs = await Promise.all(["a", "b"].map((name) => generateKey({ name, type: 1 })));
    const signers = await Promise.all(pairs.map(({ skey }) => noteSigner(skey.reveal())));
    const note = await signNote("both\n", signers);
    for (const { vkey } of pairs) {
      const opened = await openNote(note, [noteVerifier(vkey)]);
      expect([opened.verified.length, opened.unknown.length]).toEqual([1, 1]);
    }
  });

  test.each(["", "no newline", "a\rb\n", "a\tb\n", "\ud800\n"])("refuses the text %j", async (text) => {
    const signer = await noteSigner(vectors.signing[0]!.skey);
    await expect(signNote(text, [signer])).rejects.toMatchObject({ code: "malformed-note" });
  });

  test("without a key is refused", async () => {
    await expect(signNote("text\n", [])).rejects.toMatchObject({ code: "malformed-note" });
  });
});
