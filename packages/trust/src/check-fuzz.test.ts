// Every parser of checks, policies and statements against damaged good inputs and noise: it throws a TrustError (or
// says no by a value), or returns what prints back to the same.

import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { createAccount } from "./account-chain.ts";
import { TrustError } from "./errors.ts";
import { formatExpression } from "./policy/expression.ts";
import { parseExpression } from "./policy/expression-parser.ts";
import { formatPolicyFile, parsePolicyFile, parseRoomFloor } from "./policy/policy-file.ts";
import { PRESETS } from "./policy/trust-policy.ts";
import { decodeSasMessage, encodeSasMessage } from "./sas-message.ts";
import { formatShortCode, parseShortCode } from "./short-code-text.ts";
import { signerFromSeed } from "./signature.ts";
import { appendStatements, decodeLedger, EMPTY_LEDGER, encodeLedger } from "./statement-ledger.ts";
import { formatTrustFile, parseTrustFile } from "./trust-file.ts";
import { createVouch, createVouchEnd, decodeVouch, encodeVouch } from "./vouch.ts";

const RUNS = 15_000;
const hash = (byte: number) => new Uint8Array(32).fill(byte);
const subject = { kind: "account", id: hash(1) } as const;

function damaged(samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const edit = fc.tuple(fc.nat(1000), fc.nat(2), fc.uint8Array({ maxLength: 3 }));
  const edited = fc
    .tuple(fc.constantFrom(...samples), fc.array(edit, { maxLength: 2 }))
    .map(([sample, edits]) =>
      edits.reduce((bytes, [place, removed, inserted]) => {
        const at = place % (bytes.length + 1);
        return new Uint8Array([...bytes.slice(0, at), ...inserted, ...bytes.slice(at + removed)]);
      }, sample),
    );
  return fc.oneof(
    { weight: 9, arbitrary: edited },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  );
}

const SPICE = [
  "(",
  ")",
  "|",
  "&",
  ",",
  " ",
  "\n",
  '"',
  "[user]",
  "k-of(",
  "vouch(2)",
  "ca(x)",
  "0",
  "=",
  "\\",
  "-",
];

function damagedText(samples: readonly string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(fc.constantFrom(...SPICE), fc.string({ unit: "binary", maxLength: 3 }));
  const edit = fc.tuple(fc.nat(2000), fc.nat(3), piece);
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

/** Runs a parser that answers whether it accepted; all it may throw is a {@link TrustError}. */
function survive<T>(inputs: fc.Arbitrary<T>, parse: (input: T) => boolean): void {
  const counts = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(inputs, (input) => {
      let accepted = false;
      try {
        accepted = parse(input);
      } catch (error) {
        if (!(error instanceof TrustError)) throw error;
      }
      counts[accepted ? "accepted" : "refused"]++;
    }),
    { numRuns: RUNS },
  );
  // Neither side may be left untried.
  expect(counts.accepted).toBeGreaterThan(RUNS / 100);
  expect(counts.refused).toBeGreaterThan(RUNS / 100);
}
function same(a: Uint8Array, b: Uint8Array): true {
  if (Buffer.compare(a, b) !== 0) throw new Error("two encodings");
  return true;
}

let vouches: Uint8Array[];
beforeAll(async () => {
  const nowMs = 1_800_000_000_000;
  const account = await createAccount({ name: "ana", nowMs });
  const issuer = { account: account.accountId, device: 1, signer: await signerFromSeed(account.device) };
  const vouch = {
    issuer,
    subject,
    head: hash(2),
    check: { method: "qr" },
    nowMs,
    expiresAtMs: nowMs + 1,
  } as const;
  vouches = [await createVouch(vouch), await createVouchEnd(issuer, subject, nowMs)];
});

test("vouches", () => {
  survive(damaged(vouches), (bytes) => same(encodeVouch(decodeVouch(bytes)), bytes));
});

test("ledgers", () => {
  const row = { subject, keyHash: hash(2), method: "qr", atMs: 5, device: 1 } as const;
  const ledger = appendStatements(EMPTY_LEDGER, [row, { ...row, atMs: 6 }, { ...row, method: "distrust" }]);
  survive(damaged([encodeLedger(EMPTY_LEDGER), encodeLedger(ledger)]), (bytes) =>
    same(encodeLedger(decodeLedger(bytes)), bytes),
  );
});

test("messages of a comparison", () => {
  const party = { account: hash(1), chainHead: hash(2), deviceKey: hash(3), checkpoint: undefined };
  const samples = [
    encodeSasMessage({ kind: "start", party, nonce: new Uint8Array(16) }),
    encodeSasMessage({
      kind: "commit",
      party: { ...party, checkpoint: { size: 4, root: hash(4) } },
      commitment: hash(5),
    }),
    encodeSasMessage({ kind: "confirm", mac: hash(6) }),
    encodeSasMessage({ kind: "abort", reason: "different" }),
  ];
  survive(damaged(samples), (bytes) => {
    const message = decodeSasMessage(bytes);
    return message !== undefined && same(encodeSasMessage(message), bytes);
  });
});

test("short codes", () => {
  survive(damagedText(["7-river-copper-lamp", "999999 able zebra young"]), (typed) => {
    const code = parseShortCode(typed);
    const again = parseShortCode(formatShortCode(code));
    return same(again.words.expose(), code.words.expose()) && again.nameplate === code.nameplate;
  });
});

test("rules", () => {
  const samples = ["invite | (ca & ledger) | vouch(2)", "k-of(2, ca(acme), pin & code, (chain | qr) & sas)"];
  survive(damagedText(samples), (text) => {
    const printed = formatExpression(parseExpression(text));
    if (printed.length > 1024) return true;
    if (formatExpression(parseExpression(printed)) !== printed) throw new Error("two spellings");
    return true;
  });
});

test("policy files and floors", () => {
  const samples = [...Object.values(PRESETS).map(formatPolicyFile), '[user]\ntalk = "chain" # all\n'];
  survive(damagedText(samples), (text) => {
    const policy = parsePolicyFile(text);
    expect(parsePolicyFile(formatPolicyFile(policy))).toEqual(policy);
    return true;
  });
  survive(damagedText(['[user]\ntalk = "chain & ledger"\nchecked = "qr"\n', "# nothing"]), (text) => {
    parseRoomFloor(text);
    return true;
  });
});

test("trust files", () => {
  const sample = formatTrustFile({
    title: "Team",
    issuedAtMs: 1,
    expiresAtMs: 2,
    servers: [{ host: "chat.example.org", serverId: hash(1) }],
    logs: [],
    witnesses: [],
    certifiers: [{ name: "acme", key: hash(2) }],
    introducers: [hash(3)],
  });
  survive(damagedText([sample]), (text) => {
    if (formatTrustFile(parseTrustFile(text)) !== text) throw new Error("two spellings");
    return true;
  });
});
