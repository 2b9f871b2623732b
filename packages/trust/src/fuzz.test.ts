import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeChainEntry, encodeChainEntry } from "./chain-entry.ts";
import { parseCode } from "./digits.ts";
import { TrustError } from "./errors.ts";
import { formatInviteLink, formatInviteUri, parseInviteLink } from "./invite-link.ts";
import { readLeafCredential } from "./leaf-credential.ts";
import { cleanDisplayName, nameSkeleton } from "./look-alike.ts";
import { recoveryWordsOf, seedFromRecoveryWords } from "./recovery-words.ts";
import { formatStatement, parseStatement } from "./statement.ts";

const RUNS = 20_000;

function vector<T>(name: string): T {
  return JSON.parse(
    readFileSync(new URL(`../../../vectors/trust/${name}.json`, import.meta.url), "utf8"),
  ) as T;
}
const entries = vector<{ valid: { encoded: string }[] }>("chain-entries").valid.map(({ encoded }) => encoded);
const leaves = vector<{ valid: { identity: string }[] }>("leaf-credentials").valid.map(
  ({ identity }) => identity,
);
const statements = vector<{ valid: { note: string }[] }>("statements").valid.map(({ note }) => note);
const invites = vector<{ valid: { link: string; uri: string }[] }>("invites").valid;
const words = vector<{ words: string }[]>("recovery-words").map((sample) => sample.words);
const codes = vector<{ servers: { code: string }[] }>("digits").servers.map(({ code }) => code);

/** Valid bytes with some of them overwritten, inserted or taken away; now and then bytes of no origin. */
function damaged(samples: readonly string[]): fc.Arbitrary<Uint8Array> {
  const edit = fc.tuple(fc.nat(1000), fc.nat(2), fc.uint8Array({ maxLength: 5 }));
  const edited = fc
    .tuple(fc.constantFrom(...samples), fc.array(edit, { maxLength: 3 }))
    .map(([sample, edits]) => {
      let bytes = [...Uint8Array.fromHex(sample)];
      for (const [place, removed, inserted] of edits) {
        const at = place % (bytes.length + 1);
        bytes = [...bytes.slice(0, at), ...inserted, ...bytes.slice(at + removed)];
      }
      return Uint8Array.from(bytes);
    });
  return fc.oneof(
    { weight: 9, arbitrary: edited },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }) },
  );
}

function damagedText(samples: readonly string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.string({ unit: "binary", maxLength: 4 }),
    fc.constantFrom(" ", "\n", "0", "A", "-", ":"),
  );
  const edit = fc.tuple(fc.nat(1000), fc.nat(2), piece);
  const edited = fc
    .tuple(fc.constantFrom(...samples), fc.array(edit, { maxLength: 3 }))
    .map(([sample, edits]) =>
      edits.reduce((text, [place, removed, inserted]) => {
        const at = place % (text.length + 1);
        return text.slice(0, at) + inserted + text.slice(at + removed);
      }, sample),
    );
  return fc.oneof({ weight: 9, arbitrary: edited }, { weight: 1, arbitrary: fc.string({ unit: "binary" }) });
}

/** Runs a parser; all it may throw is a {@link TrustError}. @returns how many inputs it accepted. */
function survive<T>(inputs: fc.Arbitrary<T>, parse: (input: T) => void): number {
  let accepted = 0;
  fc.assert(
    fc.property(inputs, (input) => {
      try {
        parse(input);
        accepted++;
      } catch (error) {
        if (!(error instanceof TrustError)) throw error;
      }
    }),
    { numRuns: RUNS },
  );
  return accepted;
}

test("chain entries: what decodes encodes to the same bytes", () => {
  const accepted = survive(damaged(entries), (bytes) => {
    const entry = decodeChainEntry(bytes);
    if (Buffer.compare(encodeChainEntry(entry), bytes) !== 0) throw new Error("two encodings");
  });
  expect(accepted).toBeGreaterThan(0);
});

test("leaf credentials", () => {
  expect(survive(damaged(leaves), readLeafCredential)).toBeGreaterThan(0);
});

test("statements: what parses prints back", () => {
  const texts = statements.map((note) => note.slice(0, note.indexOf("\n\n") + 1));
  const accepted = survive(damagedText(texts), (text) => {
    if (formatStatement(parseStatement(text)) !== text) throw new Error("two spellings");
  });
  expect(accepted).toBeGreaterThan(0);
});

test("invite links: what parses prints back", () => {
  const links = invites.flatMap(({ link, uri }) => [link, uri]);
  const accepted = survive(damagedText(links), (text) => {
    const invite = parseInviteLink(text, 0);
    const spelling = text.replace(/\s+/g, "");
    const printed = /^parley/i.test(spelling) ? formatInviteUri(invite) : formatInviteLink(invite);
    if (printed.toLowerCase() !== spelling.toLowerCase()) throw new Error("two spellings");
  });
  expect(accepted).toBeGreaterThan(0);
});

test("recovery words and codes", () => {
  expect(survive(damagedText(words), (text) => recoveryWordsOf(seedFromRecoveryWords(text)))).toBeGreaterThan(
    0,
  );
  expect(survive(damagedText(codes), (text) => parseCode(text))).toBeGreaterThan(0);
});

test("names never make the cleaning fail", () => {
  const accepted = survive(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
    nameSkeleton(cleanDisplayName(text));
  });
  expect(accepted).toBe(RUNS);
});
