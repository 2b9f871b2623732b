import { idText } from "@parley/protocol";
import type { LedgerStatement, NewAccount } from "@parley/trust";
import {
  appendStatements,
  createAccount,
  createVouch,
  decodeVouch,
  EMPTY_LEDGER,
  MAX_INTRODUCTIONS,
  signerFromSeed,
} from "@parley/trust";
import { describe, expect, test } from "vitest";
import { displayName } from "../chat/display-text.ts";
import type { Knowledge } from "./person-trust.ts";
import { isPaused, lookAlikes, markOf } from "./person-trust.ts";
import { accountSubject } from "./statement-book.ts";

const NOW_MS = Date.UTC(2026, 2, 2, 12);
const HOUR_MS = 3_600_000;
const INCLUDED = { kind: "included" } as const;

const account = (name: string) => createAccount({ name, nowMs: NOW_MS - 24 * HOUR_MS });

function said(about: NewAccount, method: LedgerStatement["method"], atMs: number): LedgerStatement {
  const { accountId, head } = about.state;
  return { subject: accountSubject(accountId), keyHash: head, method, atMs, device: 1 };
}

async function vouchOf(issuer: NewAccount, about: NewAccount, nowMs: number): Promise<Uint8Array> {
  return createVouch({
    issuer: { account: issuer.state.accountId, device: 1, signer: await signerFromSeed(issuer.device) },
    subject: accountSubject(about.state.accountId),
    head: about.state.head,
    check: { method: "sas-voice" },
    nowMs,
    expiresAtMs: nowMs + 100 * HOUR_MS,
  });
}

function knowledgeOf(
  people: Readonly<Record<string, NewAccount>>,
  statements: readonly LedgerStatement[],
  vouchBytes: readonly Uint8Array[],
): Knowledge {
  const names = new Map(Object.entries(people).map(([name, { state }]) => [idText(state.accountId), name]));
  return {
    ownAccount: new Uint8Array(32),
    ledger: appendStatements(EMPTY_LEDGER, statements),
    vouches: vouchBytes.map(decodeVouch),
    vouchBytes,
    accounts: new Map(Object.values(people).map(({ state }) => [idText(state.accountId), state])),
    nameOf: (id) => names.get(idText(id)) ?? "nobody",
    nowMs: NOW_MS,
  };
}

describe("introductions", () => {
  test("need two checked introducers; with one the words are others", async () => {
    const [ana, bo, dee] = [await account("ana"), await account("bo"), await account("dee")];
    const appointed = [ana, bo].flatMap((introducer) => [
      said(introducer, "digits", NOW_MS - 5 * HOUR_MS),
      said(introducer, "introducer", NOW_MS - 4 * HOUR_MS),
    ]);
    const vouches = [await vouchOf(ana, dee, NOW_MS - HOUR_MS), await vouchOf(bo, dee, NOW_MS - HOUR_MS)];
    const whyWith = async (vouchBytes: readonly Uint8Array[], statements = appointed) =>
      markOf(knowledgeOf({ ana, bo, dee }, statements, vouchBytes), dee.state, INCLUDED);
    expect(await whyWith(vouches)).toEqual({
      state: "known",
      why: ["introduced by ana (voice, March) and bo (voice, March)", "in the log, no witness set"],
    });
    expect(await whyWith(vouches.slice(0, 1))).toEqual({
      state: "known",
      why: ["in the log, no witness set", "vouched for by ana (voice, March), 2 introducers are needed"],
    });
    expect((await whyWith(vouches, appointed.slice(0, 3))).why.join()).not.toContain("introduced by");
  });

  test("an introducer who brings very many people is asked about again", async () => {
    const ana = await account("ana");
    const brought: NewAccount[] = [];
    for (let index = 0; index <= MAX_INTRODUCTIONS; index++) brought.push(await account(`p${index}`));
    const vouches: Uint8Array[] = [];
    for (const person of brought) vouches.push(await vouchOf(ana, person, NOW_MS - HOUR_MS));
    const statements = [
      said(ana, "digits", NOW_MS - 5 * HOUR_MS),
      said(ana, "introducer", NOW_MS - 4 * HOUR_MS),
    ];
    const people = { ana };
    expect(isPaused(knowledgeOf(people, statements, vouches.slice(1)), ana.state)).toBe(false);
    const many = knowledgeOf(people, statements, vouches);
    expect(isPaused(many, ana.state)).toBe(true);
    expect((await markOf(many, ana.state, INCLUDED)).why.at(-1)).toContain("unusually many people");
    const again = [...statements, said(ana, "introducer", NOW_MS)];
    expect(isPaused(knowledgeOf(people, again, vouches), ana.state)).toBe(false);
  });
});

describe("names that pretend (T24)", () => {
  test("as they are shown", () => {
    const names = ["Bob ✔", "Bob ✅ verified", "\u202EboB", "Bo\u200Bb", "bob\u0000", "🔒 Bob", "Bo\u0301b"];
    expect(names.map(displayName)).toMatchInlineSnapshot(`
      [
        "Bob",
        "Bob verified",
        "boB",
        "Bob",
        "bob",
        "Bob",
        "Bób",
      ]
    `);
  });

  test("who looks like whom", () => {
    const people = ["bob", "b0b", "bod", "clara", "dara", "rnartin", "martin", "zoe", "me", "rne"];
    const names = new Map(people.map((name, index) => [idText(new Uint8Array(32).fill(index)), name]));
    const found = lookAlikes(names, new Uint8Array(32).fill(people.indexOf("me")));
    expect([...found].map(([id, warnings]) => `${names.get(id)} ${warnings.join()}`)).toMatchInlineSnapshot(`
      [
        "bob looks like b0b",
        "b0b looks like bob",
        "clara looks like dara",
        "dara looks like clara",
        "rnartin looks like martin",
        "martin looks like rnartin",
        "rne looks like me",
      ]
    `);
  });
});
