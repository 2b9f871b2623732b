import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { cosignatureMessage, cosignatureTimeSeconds, cosignatureVerifier, cosigner } from "./cosignature.ts";
import { decodeUtf8, encodeUtf8 } from "./encoding.ts";
import { generateKey } from "./note-key.ts";
import { formatSignatureLines, openNote, parseSignatureLines } from "./signed-note.ts";
import { readVectors } from "./test-vectors.ts";

interface Vectors {
  readonly vkey: string;
  readonly skey: string;
  readonly message: { readonly timeSeconds: number; readonly text: string; readonly message: string };
  readonly specificationLine: { readonly line: string; readonly timeSeconds: number };
  readonly valid: readonly { readonly text: string; readonly timeSeconds: number; readonly line: string }[];
  readonly invalid: readonly { readonly name: string; readonly text: string; readonly line: string }[];
}

const vectors = readVectors<Vectors>("cosignature");
const verifier = cosignatureVerifier(vectors.vkey);

describe("a cosignature", () => {
  test("covers the message of the specification's example, and holds its time", () => {
    const { text, timeSeconds, message } = vectors.message;
    expect(decodeUtf8(cosignatureMessage(encodeUtf8(text), timeSeconds))).toBe(message);
    const [signature] = parseSignatureLines(vectors.specificationLine.line);
    expect(cosignatureTimeSeconds(signature!)).toBe(vectors.specificationLine.timeSeconds);
  });

  test.each(vectors.valid)(
    "made at $timeSeconds verifies, and is made again",
    async ({ text, timeSeconds, line }) => {
      const { verified } = await openNote(encodeUtf8(`${text}\n${line}`), [verifier]);
      expect(cosignatureTimeSeconds(verified[0]!)).toBe(timeSeconds);
      const signer = await cosigner(vectors.skey);
      expect(formatSignatureLines([await signer.cosign(text, timeSeconds)])).toBe(line);
    },
  );

  test.each(vectors.invalid)("is refused: $name", async ({ text, line }) => {
    const opened = openNote(encodeUtf8(`${text}\n${line}`), [verifier]);
    await expect(opened).rejects.toMatchObject({ code: "bad-signature" });
  });

  test.each([0, 71, 73])("of %d bytes has no time", (length) => {
    const signature = { name: "w", keyId: 1, signature: new Uint8Array(length) };
    expect(() => cosignatureTimeSeconds(signature)).toThrow(
      expect.objectContaining({ code: "bad-signature" }),
    );
  });

  test.each([-1, 1.5, Number.NaN, 2 ** 53])("is not made at the time %d", async (timeSeconds) => {
    const signer = await cosigner(vectors.skey);
    await expect(signer.cosign("o\n", timeSeconds)).rejects.toMatchObject({ code: "out-of-range" });
  });
});

test("a log's key makes and verifies no cosignatures, and a cosigner does not print its key", async () => {
  const { vkey, skey } = await generateKey({ name: "log.example", type: 1 });
  expect(() => cosignatureVerifier(vkey)).toThrow(expect.objectContaining({ code: "unsupported-key" }));
  await expect(cosigner(skey.reveal())).rejects.toMatchObject({ code: "unsupported-key" });
  const printed = inspect(await cosigner(vectors.skey), { depth: 9, showHidden: true });
  expect(printed).not.toContain(vectors.skey.split("+").at(-1));
});
