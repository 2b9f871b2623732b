// Every parser against mutated good inputs and against noise: it either throws a TlogError or returns what prints back
// to the very same bytes.

import fc from "fast-check";
import { expect, test } from "vitest";
import { formatCheckpoint, parseCheckpoint } from "./checkpoint.ts";
import { encodeUtf8 } from "./encoding.ts";
import { TlogError } from "./errors.ts";
import { formatForkEvidence, parseForkEvidence } from "./fork-evidence.ts";
import { formatVerifierKey, keyId, noteSigner, parseVerifierKey } from "./note-key.ts";
import { parsePolicy } from "./policy.ts";
import { formatTlogProof, parseTlogProof } from "./proof.ts";
import { formatNote, formatSignatureLines, parseNote } from "./signed-note.ts";
import { readVectors } from "./test-vectors.ts";
import { decodeEntryBundle, encodeEntryBundle, formatTilePath, parseTilePath } from "./tiles.ts";
import {
  formatAddCheckpointRequest,
  parseAddCheckpointRequest,
  parseAddCheckpointResponse,
} from "./witness-message.ts";

const notes = readVectors<{ valid: { note: string; vkeys: string[] }[]; signing: { skey: string }[] }>(
  "signed-note",
);
const checkpoints = readVectors<{ valid: { text: string }[] }>("checkpoint");
const tiles = readVectors<{ paths: { path: string }[]; bundles: { bytes: string }[] }>("tiles");
const witness = readVectors<{ validRequests: { body: string }[]; validResponses: { body: string }[] }>(
  "witness",
);
const policies = readVectors<{ valid: { policy: string }[] }>("policy");
const proofs = readVectors<{ valid: { proof: string }[] }>("proof");
const forks = readVectors<{ valid: { evidence: string }[] }>("fork-evidence");

const SPICE = [
  "\n",
  "\n\n",
  " ",
  "+",
  "=",
  "A",
  "0",
  "1",
  "/",
  "—",
  "— ",
  "old ",
  "none",
  "all",
  "\r",
  "\0",
  "\t",
];

/** Inputs near `seeds`: pieces cut out, doubled, overwritten, or replaced by what the formats care for. */
function near(seeds: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.nat(12),
    insert: fc.oneof(
      fc.constantFrom(...SPICE.map(encodeUtf8)),
      fc.uint8Array({ maxLength: 4 }),
      fc.constant("again" as const),
    ),
  });
  const mutated = fc
    .tuple(fc.constantFrom(...seeds), fc.array(edit, { maxLength: 3 }))
    .map(([seed, edits]) => {
      let bytes = seed;
      for (const { at, length, insert } of edits) {
        const start = Math.floor(at * bytes.length);
        const piece = insert === "again" ? bytes.subarray(start, start + 60) : insert;
        const rest = bytes.subarray(insert === "again" ? start : start + length);
        bytes = new Uint8Array(Buffer.concat([bytes.subarray(0, start), piece, rest]));
      }
      return bytes;
    });
  return fc.oneof(
    { weight: 9, arbitrary: mutated },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  );
}

function text(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

interface Parser {
  readonly name: string;
  readonly seeds: readonly string[];
  /** Parses and prints again; undefined where there is nothing to print. */
  reprint(bytes: Uint8Array): Uint8Array | undefined;
  /** What must come out, if not the input. */
  expected?(bytes: Uint8Array): Uint8Array;
}

const asText = (bytes: Uint8Array) => encodeUtf8(text(bytes));

const parsers: readonly Parser[] = [
  {
    name: "a note",
    seeds: notes.valid.map(({ note }) => note),
    reprint: (bytes) => formatNote(parseNote(bytes)),
  },
  {
    name: "a verifier key",
    seeds: notes.valid.flatMap(({ vkeys }) => vkeys),
    reprint: (bytes) => {
      const key = parseVerifierKey(text(bytes));
      // Key IDs of types other than Ed25519 are taken as they are.
      return key.keyId === keyId(key.name, key.type, key.publicKey)
        ? encodeUtf8(formatVerifierKey(key))
        : undefined;
    },
    expected: asText,
  },
  {
    name: "a checkpoint",
    seeds: checkpoints.valid.map((vector) => vector.text),
    reprint: (bytes) => encodeUtf8(formatCheckpoint(parseCheckpoint(text(bytes)))),
    expected: asText,
  },
  {
    name: "a tile path",
    seeds: tiles.paths.map(({ path }) => path),
    reprint: (bytes) => {
      const tile = parseTilePath(text(bytes));
      return tile && encodeUtf8(formatTilePath(tile));
    },
    expected: asText,
  },
  {
    name: "an entry bundle",
    seeds: tiles.bundles.map(({ bytes }) => Buffer.from(bytes, "hex").toString("latin1")),
    reprint: (bytes) => encodeEntryBundle(decodeEntryBundle(bytes, 1 + (bytes.length % 5))),
  },
  {
    name: "an add-checkpoint request",
    seeds: witness.validRequests.map(({ body }) => body),
    reprint: (bytes) => formatAddCheckpointRequest(parseAddCheckpointRequest(bytes)),
  },
  {
    name: "cosignatures in a response",
    seeds: witness.validResponses.map(({ body }) => body),
    reprint: (body) => {
      const result = parseAddCheckpointResponse({ status: 200, contentType: "", body });
      return result.kind === "cosigned" ? encodeUtf8(formatSignatureLines(result.signatures)) : undefined;
    },
  },
  {
    name: "a size in a response",
    seeds: ["0\n", "42\n", "9007199254740991\n"],
    reprint: (body) => {
      const result = parseAddCheckpointResponse({ status: 409, contentType: "text/x.tlog.size", body });
      return result.kind === "conflict" ? encodeUtf8(`${result.size}\n`) : undefined;
    },
  },
  {
    name: "a policy",
    seeds: policies.valid.map(({ policy }) => policy),
    reprint: (bytes) => {
      parsePolicy(bytes);
      return undefined;
    },
  },
  {
    name: "a tlog proof",
    seeds: proofs.valid.map(({ proof }) => proof),
    reprint: (bytes) => formatTlogProof(parseTlogProof(bytes)),
  },
  {
    name: "evidence of a fork",
    seeds: forks.valid.map(({ evidence }) => evidence),
    reprint: (bytes) => formatForkEvidence(parseForkEvidence(bytes)),
  },
];

/** Declares the tests that give `runs` inputs to each parser. For tests only. */
export function testParsers(runs: number): void {
  test.each(parsers)("to the parser of $name", ({ name, seeds, reprint, expected }) => {
    const encoding = name === "an entry bundle" ? "latin1" : "utf8";
    const inputs = near(seeds.map((seed) => new Uint8Array(Buffer.from(seed, encoding))));
    const counts = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(inputs, (bytes) => {
        let printed: Uint8Array | undefined;
        try {
          printed = reprint(bytes);
          counts.accepted += 1;
        } catch (error) {
          if (!(error instanceof TlogError)) throw error;
          counts.refused += 1;
          return true;
        }
        return printed === undefined || Buffer.compare(printed, expected?.(bytes) ?? bytes) === 0;
      }),
      { numRuns: runs },
    );
    // Neither side of the property may be left untried.
    expect(counts.accepted).toBeGreaterThan(runs / 400);
    expect(counts.refused).toBeGreaterThan(name === "a tile path" ? -1 : runs / 400);
  });

  test("to the parser of a private key, of which there are a fifth as many", async () => {
    const seeds = notes.signing.map(({ skey }) => encodeUtf8(skey));
    await fc.assert(
      fc.asyncProperty(near(seeds), async (bytes) => {
        const skey = text(bytes);
        const error = await noteSigner(skey).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        if (error === undefined) expect(notes.signing.map((vector) => vector.skey)).toContain(skey);
        else expect(error).toBeInstanceOf(TlogError);
      }),
      { numRuns: runs / 5 },
    );
  });
}
