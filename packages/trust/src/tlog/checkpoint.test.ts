import { describe, expect, test } from "vitest";
import { formatCheckpoint, openCheckpoint, parseCheckpoint, signCheckpoint } from "./checkpoint.ts";
import { decodeBase64 } from "./encoding.ts";
import { emptyRoot } from "./merkle.ts";
import { generateKey, noteSigner, noteVerifier } from "./note-key.ts";
import { signNote } from "./signed-note.ts";
import { readVectors } from "./test-vectors.ts";

interface Vectors {
  readonly valid: readonly {
    readonly text: string;
    readonly origin: string;
    readonly size: number;
    readonly root: string;
    readonly extensions: readonly string[];
  }[];
  readonly invalid: readonly { readonly name: string; readonly text: string }[];
}

const vectors = readVectors<Vectors>("checkpoint");

describe("a checkpoint", () => {
  test.each(vectors.valid)("of $origin is read and prints back", ({ text, root, ...fields }) => {
    const checkpoint = parseCheckpoint(text);
    expect(checkpoint).toEqual({ ...fields, root: decodeBase64(root) });
    expect(formatCheckpoint(checkpoint)).toBe(text);
  });

  test.each(vectors.invalid)("is refused: $name", ({ text }) => {
    expect(() => parseCheckpoint(text)).toThrow(expect.objectContaining({ code: "malformed-checkpoint" }));
  });

  test.each([
    { origin: "" },
    { origin: "a\nb" },
    { size: -1 },
    { size: 1.5 },
    { size: Number.NaN },
    { size: 2 ** 53 },
    { root: new Uint8Array(31) },
    { extensions: [""] },
    { extensions: ["a\nb"] },
  ])("is not printed with $origin $size $extensions", (fields) => {
    const checkpoint = { origin: "log.example", size: 0, root: emptyRoot(), ...fields };
    expect(() => formatCheckpoint(checkpoint)).toThrow(
      expect.objectContaining({ code: "malformed-checkpoint" }),
    );
  });

  test("opens with the log's key", async () => {
    const { vkey, skey } = await generateKey({ name: "log.example", type: 1 });
    const signer = await noteSigner(skey.reveal());
    const signed = await signCheckpoint({ origin: "log.example", size: 0, root: emptyRoot() }, [signer]);
    const opened = await openCheckpoint(signed, [noteVerifier(vkey)]);
    expect(opened).toMatchObject({ origin: "log.example", size: 0, root: emptyRoot(), extensions: [] });
    const note = await signNote("not a checkpoint\n", [signer]);
    await expect(openCheckpoint(note, [noteVerifier(vkey)])).rejects.toMatchObject({
      code: "malformed-checkpoint",
    });
  });
});
