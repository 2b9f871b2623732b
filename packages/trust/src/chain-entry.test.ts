import { readFileSync } from "node:fs";
import { sha256 } from "@noble/hashes/sha2.js";
import { expect, test } from "vitest";
import type { ChainEntry } from "./chain-entry.ts";
import {
  chainEntryHash,
  chainEntryLeafHash,
  decodeChainEntry,
  encodeChainEntry,
  signedBytes,
  ZERO_HASH,
} from "./chain-entry.ts";
import { TrustError } from "./errors.ts";
import { LABELS } from "./signature.ts";

interface Vectors {
  readonly valid: {
    type: string;
    seq: number;
    timeMs: number;
    encoded: string;
    signed: string;
    hash: string;
    leafHash: string;
  }[];
  readonly invalid: { name: string; encoded: string }[];
}
const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../../../vectors/trust/chain-entries.json", import.meta.url), "utf8"),
);

test.each(vectors.valid)("vector: $type", ({ type, seq, timeMs, encoded, signed, hash, leafHash }) => {
  const bytes = Uint8Array.fromHex(encoded);
  const entry = decodeChainEntry(bytes);
  expect(entry).toMatchObject({ type, seq, timeMs });
  expect(encodeChainEntry(entry)).toEqual(bytes);
  expect(signedBytes(entry).toHex()).toBe(signed);
  expect(chainEntryHash(bytes).toHex()).toBe(hash);
  expect(chainEntryLeafHash(bytes).toHex()).toBe(leafHash);
});

test("the vectors hold every type", () => {
  expect(vectors.valid.map(({ type }) => type).toSorted()).toMatchInlineSnapshot(`
    [
      "account-close",
      "account-genesis",
      "account-recover",
      "account-rotate",
      "account-veto",
      "anchor",
      "attest",
      "attest-revoke",
      "device-add",
      "device-revoke",
      "handle-release",
      "handle-set",
      "index-root",
      "server-genesis",
      "server-meta",
      "server-recover",
      "server-rotate",
      "web-release",
    ]
  `);
});

test.each(vectors.invalid)("vector: $name is malformed", ({ encoded }) => {
  expect(() => decodeChainEntry(Uint8Array.fromHex(encoded))).toThrow(
    expect.objectContaining({ name: "TrustError", code: "malformed" }),
  );
});

const close = {
  type: "account-close",
  subject: new Uint8Array(32).fill(1),
  seq: 258,
  prev: new Uint8Array(32).fill(2),
  timeMs: 3,
  body: { by: { kind: "device", device: 4 } },
  signatures: [new Uint8Array(64).fill(5)],
} as const satisfies ChainEntry;

test("an entry is version, type, subject, seq, prev, time, body, signatures", () => {
  expect(encodeChainEntry(close).toHex()).toBe(
    [
      "01",
      "1a",
      "01".repeat(32),
      "0000000000000102",
      "02".repeat(32),
      "0000000000000003",
      "0100000004",
      "01",
      "05".repeat(64),
    ].join(""),
  );
});

test("all but the signatures is signed, behind the label", () => {
  const signed = signedBytes(close);
  const label = new TextEncoder().encode(LABELS.chainEntry);
  expect(signed.subarray(0, label.length)).toEqual(label);
  expect(signed.subarray(label.length)).toEqual(encodeChainEntry(close).subarray(0, -65));
});

test("the leaf hash is that of RFC 6962, the entry hash is plain", () => {
  const bytes = encodeChainEntry(close);
  expect(chainEntryHash(bytes)).toEqual(sha256(bytes));
  expect(chainEntryLeafHash(bytes)).toEqual(sha256(Uint8Array.of(0, ...bytes)));
});

test("what has no encoding is refused", () => {
  const broken: readonly object[] = [
    { ...close, seq: -1 },
    { ...close, seq: 1.5 },
    { ...close, timeMs: 2 ** 53 },
    { ...close, prev: new Uint8Array(31) },
    { ...close, signatures: [new Uint8Array(63)] },
    { ...close, signatures: Array.from({ length: 4 }, () => new Uint8Array(64)) },
    {
      ...close,
      type: "attest",
      body: { ...close.body, certifierKey: ZERO_HASH, certificate: new Uint8Array(65536) },
    },
  ];
  for (const entry of broken) expect(() => encodeChainEntry(entry as ChainEntry)).toThrow(TrustError);
});
