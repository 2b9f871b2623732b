import { describe, expect, test } from "vitest";
import { cosignatureVerifier, cosigner } from "./cosignature.ts";
import { decodeBase64, encodeUtf8 } from "./encoding.ts";
import { generateKey, noteSigner } from "./note-key.ts";
import { openNote, parseNote, signNote } from "./signed-note.ts";
import { readVectors } from "./test-vectors.ts";
import {
  attachCosignatures,
  formatAddCheckpointRequest,
  parseAddCheckpointRequest,
  parseAddCheckpointResponse,
  witnessCheckpointPath,
} from "./witness-message.ts";

interface Response {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

interface Vectors {
  readonly validRequests: readonly {
    readonly body: string;
    readonly oldSize: number;
    readonly proof: readonly string[];
    readonly checkpoint: string;
  }[];
  readonly invalidRequests: readonly { readonly name: string; readonly body: string }[];
  readonly validResponses: readonly (Response & { readonly kind: string; readonly size?: number })[];
  readonly invalidResponses: readonly Response[];
  readonly monitoringPath: { readonly origin: string; readonly path: string };
}

const vectors = readVectors<Vectors>("witness");

describe("a request", () => {
  test.each(vectors.validRequests)("from size $oldSize is read and prints back", ({ body, ...fields }) => {
    const request = parseAddCheckpointRequest(encodeUtf8(body));
    const proof = fields.proof.map((hash) => decodeBase64(hash)!);
    expect(request).toEqual({ ...fields, proof, checkpoint: encodeUtf8(fields.checkpoint) });
    expect(formatAddCheckpointRequest(request)).toEqual(encodeUtf8(body));
  });

  test.each(vectors.invalidRequests)("is refused: $name", ({ body }) => {
    const parse = () => parseAddCheckpointRequest(encodeUtf8(body));
    expect(parse).toThrow(expect.objectContaining({ code: "malformed-request" }));
  });

  test.each([
    { oldSize: -1 },
    { oldSize: 0.5 },
    { proof: Array(64).fill(new Uint8Array(32)) },
    { proof: [new Uint8Array(31)] },
  ])("is not printed when it would not be read: %#", (fields) => {
    const request = { oldSize: 0, proof: [], checkpoint: new Uint8Array(0), ...fields };
    expect(() => formatAddCheckpointRequest(request)).toThrow(
      expect.objectContaining({ code: "malformed-request" }),
    );
  });
});

describe("a response", () => {
  test.each(vectors.validResponses)("$status $contentType is $kind", ({ kind, size, ...response }) => {
    const result = parseAddCheckpointResponse({ ...response, body: encodeUtf8(response.body) });
    expect(result).toMatchObject(size === undefined ? { kind } : { kind, size });
  });

  test.each(vectors.invalidResponses)("$status with the body $body is refused", (response) => {
    const parse = () => parseAddCheckpointResponse({ ...response, body: encodeUtf8(response.body) });
    expect(parse).toThrow(expect.objectContaining({ code: "malformed-response" }));
  });
});

describe("attaching cosignatures", async () => {
  const log = await generateKey({ name: "log.example", type: 1 });
  const pairs = await Promise.all(["w1", "w2"].map((name) => generateKey({ name, type: 4 })));
  const witnesses = pairs.map(({ vkey }) => cosignatureVerifier(vkey));
  const [first, second] = await Promise.all(pairs.map(({ skey }) => cosigner(skey.reveal())));
  const text = "log.example\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
  const checkpoint = await signNote(text, [await noteSigner(log.skey.reveal())]);

  test("keeps the verified ones of known witnesses, once", async () => {
    const signatures = [await first!.cosign(text, 1), await second!.cosign(text, 2)];
    const attach = (bytes: Uint8Array) =>
      attachCosignatures({ checkpoint: bytes, signatures, witnesses: witnesses.slice(0, 1) });
    const once = await attach(checkpoint);
    expect(parseNote(once).signatures.map(({ name }) => name)).toEqual(["log.example", "w1"]);
    expect((await openNote(once, witnesses)).verified.length).toBe(1);
    expect(await attach(once)).toEqual(once);
  });

  test("refuses a wrong one of a known witness, and an answer by unknown ones only", async () => {
    const wrong = [await first!.cosign(`${text}x\n`, 1)];
    const attach = (signatures: typeof wrong, known: typeof witnesses) =>
      attachCosignatures({ checkpoint, signatures, witnesses: known });
    await expect(attach(wrong, witnesses)).rejects.toMatchObject({ code: "bad-signature" });
    await expect(attach(wrong, witnesses.slice(1))).rejects.toMatchObject({ code: "not-signed" });
  });
});

test("the monitoring path is the hash of the origin", () => {
  expect(witnessCheckpointPath(vectors.monitoringPath.origin)).toBe(vectors.monitoringPath.path);
});
