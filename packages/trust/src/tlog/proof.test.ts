import { describe, expect, test } from "vitest";
import { signCheckpoint } from "./checkpoint.ts";
import { decodeBase64, encodeUtf8 } from "./encoding.ts";
import { hashLeaf } from "./merkle.ts";
import { generateKey, noteSigner, noteVerifier } from "./note-key.ts";
import { parsePolicy } from "./policy.ts";
import { formatTlogProof, parseTlogProof, verifyTlogProof } from "./proof.ts";
import { readVectors } from "./test-vectors.ts";

interface Vectors {
  readonly policy: string;
  readonly nowSeconds: number;
  readonly valid: readonly {
    readonly name: string;
    readonly proof: string;
    readonly leaf: string;
    readonly index: number;
    readonly extra: string | null;
  }[];
  readonly invalid: readonly {
    readonly name: string;
    readonly proof: string;
    readonly leaf: string;
    readonly error: string;
  }[];
}

const vectors = readVectors<Vectors>("proof");
const policy = parsePolicy(encodeUtf8(vectors.policy));
const { nowSeconds } = vectors;
const verify = (proof: string, leaf: string) =>
  verifyTlogProof({ bytes: encodeUtf8(proof), leaf: decodeBase64(leaf)!, policy, nowSeconds });

describe("a tlog proof", () => {
  test.each(vectors.valid)("verifies: $name", async ({ proof, leaf, index, extra }) => {
    const result = await verify(proof, leaf);
    expect(result.index).toBe(index);
    expect(result.extra).toEqual(extra === null ? undefined : decodeBase64(extra));
    expect(result.verdict.quorumTimeSeconds).toBe(100);
  });

  test.each(vectors.valid)("prints back: $name", ({ proof }) => {
    expect(formatTlogProof(parseTlogProof(encodeUtf8(proof)))).toEqual(encodeUtf8(proof));
  });

  test.each(vectors.invalid)("is refused: $name ($error)", async ({ proof, leaf, error }) => {
    await expect(verify(proof, leaf)).rejects.toMatchObject({ code: error });
  });

  test.each([
    { index: -1 },
    { index: 2 ** 53 },
    { proof: Array(64).fill(new Uint8Array(32)) },
    { proof: [new Uint8Array(33)] },
    { extra: new Uint8Array(400_000) },
  ])("is not printed when it would not be read: %#", (fields) => {
    const proof = { index: 0, proof: [], checkpoint: new Uint8Array(0), ...fields };
    expect(() => formatTlogProof(proof)).toThrow(expect.objectContaining({ code: "malformed-proof" }));
  });

  test("verifies under a policy without logs, with the log the caller names", async () => {
    const { vkey, skey } = await generateKey({ name: "log.example", type: 1 });
    const leaf = hashLeaf(encodeUtf8("entry"));
    const signer = await noteSigner(skey.reveal());
    const checkpoint = await signCheckpoint({ origin: "log.example", size: 1, root: leaf }, [signer]);
    const bytes = formatTlogProof({ index: 0, proof: [], checkpoint });
    const anyLog = parsePolicy(encodeUtf8("quorum none\n"));
    const options = { bytes, leaf, policy: anyLog, nowSeconds };
    expect((await verifyTlogProof({ ...options, log: noteVerifier(vkey) })).index).toBe(0);
    await expect(verifyTlogProof(options)).rejects.toMatchObject({ code: "not-signed" });
  });
});
