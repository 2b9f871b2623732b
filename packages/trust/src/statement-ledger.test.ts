import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { LedgerStatement, StatementLedger } from "./statement-ledger.ts";
import {
  appendStatements,
  CHECK_METHODS,
  DECISIONS,
  decodeLedger,
  EMPTY_LEDGER,
  encodeLedger,
  mergeLedgers,
  readStanding,
  subjectsOf,
} from "./statement-ledger.ts";
import type { TrustSubject } from "./trust-subject.ts";

const hash = (byte: number) => new Uint8Array(32).fill(byte);
const bob: TrustSubject = { kind: "account", id: hash(1) };
const head = hash(2);
const chain = { entryHashes: [hash(1), head], status: "open" as const };

function row(
  method: LedgerStatement["method"],
  atMs: number,
  changes: Partial<LedgerStatement> = {},
): LedgerStatement {
  return { subject: bob, keyHash: head, method, atMs, device: 1, ...changes };
}
const ledgerOf = (...statements: LedgerStatement[]) => appendStatements(EMPTY_LEDGER, statements);

const rows: fc.Arbitrary<LedgerStatement> = fc.record({
  subject: fc.record({
    kind: fc.constantFrom("account" as const, "server" as const),
    id: fc.constantFrom(hash(1), hash(7)),
  }),
  keyHash: fc.constantFrom(head, hash(9)),
  method: fc.constantFrom(...CHECK_METHODS, ...DECISIONS),
  atMs: fc.nat(20),
  device: fc.integer({ min: 1, max: 3 }),
});
const ledgers: fc.Arbitrary<StatementLedger> = fc
  .array(rows, { maxLength: 12 })
  .map((statements) => ledgerOf(...statements));

test("merging is a union: the order, the direction and repetition do not matter, and nothing is lost", () => {
  fc.assert(
    fc.property(ledgers, ledgers, ledgers, (a, b, c) => {
      expect(mergeLedgers(a, b)).toEqual(mergeLedgers(b, a));
      expect(mergeLedgers(mergeLedgers(a, b), c)).toEqual(mergeLedgers(a, mergeLedgers(b, c)));
      expect(mergeLedgers(a, a)).toEqual(a);
      for (const statement of [...a.statements, ...b.statements]) {
        expect(mergeLedgers(a, b).statements).toContainEqual(statement);
      }
    }),
  );
});

test("a ledger has one encoding, and what decodes encodes back", () => {
  fc.assert(
    fc.property(ledgers, (ledger) => {
      expect(decodeLedger(encodeLedger(ledger))).toEqual(ledger);
    }),
  );
  const two = ledgerOf(row("qr", 1), row("qr", 2));
  const bytes = encodeLedger(two);
  const size = (bytes.length - 2) / 2;
  const swapped = new Uint8Array([
    ...bytes.slice(0, 2),
    ...bytes.slice(2 + size),
    ...bytes.slice(2, 2 + size),
  ]);
  const repeated = new Uint8Array([...bytes.slice(0, 2 + size), ...bytes.slice(2, 2 + size)]);
  const newer = new Uint8Array([2, ...bytes.slice(1)]);
  for (const other of [swapped, repeated, newer, bytes.slice(1), new Uint8Array()]) {
    expect(() => decodeLedger(other)).toThrow("malformed");
  }
  expect(() => ledgerOf(row("qr", -1))).toThrow("malformed");
});

test("appending never changes or drops a row", () => {
  const first = ledgerOf(row("qr", 5));
  const second = appendStatements(first, [row("distrust", 3)]);
  expect(first.statements).toHaveLength(1);
  expect(second.statements.map(({ method }) => method)).toEqual(["distrust", "qr"]);
  expect(subjectsOf(second)).toEqual([bob]);
});

test("the newest check of the chain counts", () => {
  const ledger = ledgerOf(row("invite", 1), row("sas-voice", 3, { device: 2 }), row("qr", 2));
  expect(readStanding(ledger, bob, chain)).toEqual({
    check: { method: "sas-voice", atMs: 3, device: 2 },
    introducer: false,
    distrusted: false,
  });
  expect(readStanding(ledger, { ...bob, kind: "server" }, chain).check).toBeUndefined();
  expect(readStanding(EMPTY_LEDGER, bob, chain)).toEqual({ introducer: false, distrusted: false });
});

test("a check of a key that is not in the chain, or of no known chain, is no check", () => {
  const ledger = ledgerOf(row("qr", 1, { keyHash: hash(9) }));
  expect(readStanding(ledger, bob, chain).check).toBeUndefined();
  expect(readStanding(ledgerOf(row("qr", 1)), bob, undefined).check).toBeUndefined();
});

test("a check lasts through growth of the chain, not through a recovery, a contest or being forgotten", () => {
  const ledger = ledgerOf(row("qr", 5));
  const grown = { ...chain, entryHashes: [...chain.entryHashes, hash(3)] };
  expect(readStanding(ledger, bob, grown).check).toBeDefined();
  const recovered = readStanding(ledger, bob, { ...chain, recoveredAtMs: 9 });
  expect(recovered.check).toBeUndefined();
  expect(recovered.voidedCheck).toEqual({ method: "qr", atMs: 5, device: 1, recoveredAtMs: 9 });
  expect(readStanding(ledger, bob, { ...chain, recoveredAtMs: 4 }).check).toBeDefined();
  const again = appendStatements(ledger, [row("qr", 10)]);
  expect(readStanding(again, bob, { ...chain, recoveredAtMs: 9 })).toMatchObject({ check: { atMs: 10 } });
  expect(readStanding(again, bob, { ...chain, recoveredAtMs: 9 }).voidedCheck).toBeUndefined();
  expect(readStanding(ledger, bob, { ...chain, status: "contested" }).check).toBeUndefined();
  expect(readStanding(appendStatements(ledger, [row("forget-check", 5)]), bob, chain).check).toBeUndefined();
});

test("only who is checked introduces, and of opposite decisions the newest counts, at one time the stricter", () => {
  const standing = (...statements: LedgerStatement[]) => readStanding(ledgerOf(...statements), bob, chain);
  expect(standing(row("introducer", 1)).introducer).toBe(false);
  expect(standing(row("qr", 1), row("introducer", 2)).introducer).toBe(true);
  expect(standing(row("qr", 1), row("introducer", 2), row("no-introducer", 2)).introducer).toBe(false);
  expect(standing(row("qr", 1), row("introducer", 3), row("no-introducer", 2)).introducer).toBe(true);
  expect(standing(row("distrust", 2), row("no-distrust", 1)).distrusted).toBe(true);
  expect(standing(row("distrust", 2), row("no-distrust", 2)).distrusted).toBe(true);
  expect(standing(row("distrust", 2), row("no-distrust", 3)).distrusted).toBe(false);
  const recovered = readStanding(ledgerOf(row("qr", 1), row("introducer", 2)), bob, {
    ...chain,
    recoveredAtMs: 3,
  });
  expect(recovered.introducer).toBe(false);
});

test("what another device says later never restores trust that is newly taken away", () => {
  fc.assert(
    fc.property(ledgers, ledgers, (a, b) => {
      const both = mergeLedgers(mergeLedgers(a, b), ledgerOf(row("distrust", 21)));
      expect(readStanding(both, bob, chain).distrusted).toBe(true);
    }),
  );
});

interface VectorRow {
  readonly kind: "account" | "server";
  readonly id: string;
  readonly keyHash: string;
  readonly method: LedgerStatement["method"];
  readonly atMs: number;
  readonly device: number;
}
const vectors: { readonly rows: VectorRow[]; readonly encoded: string }[] = JSON.parse(
  readFileSync(new URL("../../../vectors/trust/ledgers.json", import.meta.url), "utf8"),
);

test.each(vectors)("vector: $encoded", ({ rows: listed, encoded }) => {
  const ledger = ledgerOf(
    ...listed.map(({ kind, id, keyHash, ...rest }) => ({
      ...rest,
      subject: { kind, id: Uint8Array.fromHex(id) },
      keyHash: Uint8Array.fromHex(keyHash),
    })),
  );
  expect(encodeLedger(ledger).toHex()).toBe(encoded);
  expect(decodeLedger(Uint8Array.fromHex(encoded))).toEqual(ledger);
});
