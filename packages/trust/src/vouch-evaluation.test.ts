import { idText } from "@parley/protocol";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { NewAccount } from "./account-chain.ts";
import {
  appendAccountEntry,
  createAccount,
  deviceAuthority,
  makeAccountRecover,
  makeAccountRotate,
  makeDeviceAdd,
  makeDeviceRevoke,
} from "./account-chain.ts";
import type { AccountState } from "./account-state.ts";
import { RECOVERY_DELAY_MS, settleAccount } from "./account-state.ts";
import { decide } from "./policy/evaluation.ts";
import { parseExpression } from "./policy/expression-parser.ts";
import { createServerIdentity, verifyServerChain } from "./server-chain.ts";
import type { Signer } from "./signature.ts";
import { generateSigner, signerFromSeed } from "./signature.ts";
import type { TrustSubject } from "./trust-subject.ts";
import { createVouch, createVouchEnd, decodeVouch } from "./vouch.ts";
import type { VouchQuestion } from "./vouch-evaluation.ts";
import { evaluateVouches, introducesMany, MAX_INTRODUCTIONS, vouchFacts } from "./vouch-evaluation.ts";

const nowMs = 1_800_000_000_000;
const dayMs = 86_400_000;

interface Person {
  readonly account: NewAccount;
  readonly phone: Signer;
}
async function person(name: string): Promise<Person> {
  const account = await createAccount({ name, nowMs });
  return { account, phone: await signerFromSeed(account.device) };
}
const idOf = ({ account }: Person) => account.accountId;
const subjectOf = (someone: Person): TrustSubject => ({ kind: "account", id: idOf(someone) });

interface VouchDetails {
  readonly issuedAtMs?: number;
  readonly device?: number;
  readonly signer?: Signer;
}
function vouch(from: Person, to: Person, details: VouchDetails = {}): Promise<Uint8Array> {
  const { issuedAtMs = nowMs, device = 1, signer = from.phone } = details;
  return createVouch({
    issuer: { account: idOf(from), device, signer },
    subject: subjectOf(to),
    head: to.account.state.head,
    check: { method: "sas-voice" },
    nowMs: issuedAtMs,
    expiresAtMs: issuedAtMs + 30 * dayMs,
  });
}

/** Ana, Bo, Cy and Di may introduce; Eve to Hal may not; Zoe is asked about; the user is `me`. */
let people: Person[];
let me: Person;
let zoe: Person;
let ana: Person;
let bo: Person;
let cy: Person;
let eve: Person;
let fay: Person;
beforeAll(async () => {
  people = await Promise.all(
    ["me", "zoe", "ana", "bo", "cy", "eve", "fay", "gus"].map((name) => person(name)),
  );
  [me, zoe, ana, bo, cy, eve, fay] = people as [Person, Person, Person, Person, Person, Person, Person];
});

function question(statements: readonly Uint8Array[], changes: Partial<VouchQuestion> = {}): VouchQuestion {
  return {
    subject: subjectOf(zoe),
    chain: zoe.account.state,
    statements,
    introducers: [ana, bo, cy].map(idOf),
    distrusted: [],
    ownAccount: idOf(me),
    accounts: new Map(people.map((someone) => [idText(idOf(someone)), someone.account.state])),
    nowMs: nowMs + 1000,
    ...changes,
  };
}
const count = async (statements: readonly Uint8Array[], changes?: Partial<VouchQuestion>) =>
  (await evaluateVouches(question(statements, changes))).length;
const withState = (someone: Person, state: AccountState) =>
  new Map([...question([]).accounts, [idText(idOf(someone)), state]]);

describe("introductions", () => {
  test("name the introducer and count each once", async () => {
    const statements = [await vouch(ana, zoe), await vouch(bo, zoe), await vouch(eve, zoe)];
    const introductions = await evaluateVouches(question(statements));
    expect(introductions.map(({ introducer }) => introducer)).toEqual([ana, bo].map(idOf));
    const names = new Map(
      [ana, bo].map((someone, place) => [idText(idOf(someone)), ["Ana", "Bo"][place] as string]),
    );
    const nameOf = (account: Uint8Array) => names.get(idText(account)) ?? "?";
    const facts = vouchFacts(introductions, { nameOf, nowMs });
    expect(facts.map(({ detail }) => detail)).toEqual(["Ana (voice, January)", "Bo (voice, January)"]);
    expect(decide(parseExpression("vouch(2)"), facts).isMet).toBe(true);
    expect(decide(parseExpression("vouch(3)"), facts).isMet).toBe(false);
    expect(vouchFacts(introductions, { nameOf, nowMs: nowMs + 365 * dayMs })[0]?.detail).toBe(
      "Ana (voice, January 2027)",
    );
  });

  test("a server is introduced the same way", async () => {
    const keys = await createServerIdentity({ nowMs, hostNames: ["chat.example.org"] });
    const server = await verifyServerChain(keys.chain);
    const subject: TrustSubject = { kind: "server", id: server.serverId };
    const statement = await createVouch({
      issuer: { account: idOf(ana), device: 1, signer: ana.phone },
      subject,
      head: server.head,
      check: { method: "manual" },
      nowMs,
      expiresAtMs: nowMs + dayMs,
    });
    expect(await count([statement], { subject, chain: server })).toBe(1);
    expect(await count([statement], { subject: { ...subject, kind: "account" }, chain: server })).toBe(0);
  });

  test("T21: one introducer through two devices is one introducer", async () => {
    const laptop = (await generateSigner()).signer;
    const by = deviceAuthority(1, ana.phone);
    const entry = await makeDeviceAdd({ state: ana.account.state, by, device: laptop, nowMs });
    const state = await appendAccountEntry(ana.account.state, entry, { nowMs });
    const statements = [
      await vouch(ana, zoe),
      await vouch(ana, zoe, { device: 2, signer: laptop, issuedAtMs: nowMs + 1 }),
    ];
    expect(await count(statements, { accounts: withState(ana, state) })).toBe(1);
    const revoke = await makeDeviceRevoke({ state, by, device: 2, reason: "stolen", nowMs });
    const revoked = await appendAccountEntry(state, revoke, { nowMs });
    expect(await count(statements.slice(1), { accounts: withState(ana, state) })).toBe(1);
    expect(await count(statements.slice(1), { accounts: withState(ana, revoked) })).toBe(0);
    // The vouch of the live device must not be hidden by a newer one of the stolen device.
    expect(await count(statements, { accounts: withState(ana, revoked) })).toBe(1);
  });

  test("T21: dies when over, ended, or its issuer is distrusted; the end cannot be undone by the old vouch", async () => {
    const statements = [await vouch(ana, zoe)];
    expect(await count(statements)).toBe(1);
    expect(await count(statements, { nowMs: nowMs + 30 * dayMs })).toBe(0);
    expect(await count(statements, { distrusted: [idOf(ana)] })).toBe(0);
    expect(await count(statements, { distrusted: [idOf(zoe)] })).toBe(0);
    const end = await createVouchEnd(
      { account: idOf(ana), device: 1, signer: ana.phone },
      subjectOf(zoe),
      nowMs + 5,
    );
    expect(await count([...statements, end, ...statements])).toBe(0);
    expect(await count([...statements, end, await vouch(ana, zoe, { issuedAtMs: nowMs + 6 })])).toBe(1);
  });

  test("T21: a recovery of the subject's chain ends it, a rotation does not", async () => {
    const statements = [await vouch(ana, zoe)];
    const { state } = zoe.account;
    const root = await signerFromSeed(zoe.account.root);
    const next = await signerFromSeed(zoe.account.next);
    const rotation = await makeAccountRotate({ state, root, next, nowMs });
    const rotated = await appendAccountEntry(state, rotation.entry, { nowMs });
    expect(rotated.length).toBe(state.length + 1);
    expect(await count(statements, { chain: rotated })).toBe(1);
    const recovery = await makeAccountRecover({
      state,
      recovery: await signerFromSeed(zoe.account.recovery),
      nowMs,
    });
    const pending = await appendAccountEntry(state, recovery.entry, { nowMs });
    expect(await count(statements, { chain: pending })).toBe(1);
    const laterMs = nowMs + RECOVERY_DELAY_MS;
    const recovered = settleAccount(pending, laterMs);
    expect(await count(statements, { chain: recovered, nowMs: laterMs })).toBe(0);
    expect(await count(statements, { chain: { ...state, status: "contested" } })).toBe(0);
  });

  test("a vouch for another chain, from the future, or with a broken signature counts for nothing", async () => {
    const good = await vouch(ana, zoe);
    const broken = good.slice();
    broken[broken.length - 1]! ^= 1;
    expect(await count([broken, Uint8Array.of(7)])).toBe(0);
    expect(await count([good], { chain: bo.account.state })).toBe(0);
    const early = await vouch(ana, zoe, { issuedAtMs: nowMs + dayMs });
    expect(await count([early])).toBe(0);
    expect(await count([good, early])).toBe(1);
    expect(await count([good], { accounts: new Map() })).toBe(0);
  });

  test("the subject, the user, and contested introducers introduce nobody", async () => {
    const statements = await Promise.all([zoe, me, ana].map((from) => vouch(from, zoe)));
    const introducers = [zoe, me].map(idOf);
    expect(await count(statements, { introducers })).toBe(0);
    expect(await count(statements, { introducers, depth: 2 })).toBe(0);
    const contested: AccountState = { ...ana.account.state, status: "contested" };
    expect(await count(statements, { accounts: withState(ana, contested) })).toBe(0);
  });
});

describe("a graph", () => {
  test("T21: loops introduce nobody", async () => {
    const loop = await Promise.all([
      vouch(eve, fay),
      vouch(fay, eve),
      vouch(eve, zoe),
      vouch(fay, zoe),
      vouch(zoe, eve),
    ]);
    for (const depth of [1, 2] as const) expect(await count(loop, { depth })).toBe(0);
  });

  test("T21: a ring of 50 that vouch for each other and for one of them reach nobody without an introducer", async () => {
    const ring = await Promise.all(Array.from({ length: 50 }, (_, place) => person(`sybil${place}`)));
    const statements = await Promise.all([
      ...ring.map((from, place) => vouch(from, ring[(place + 1) % ring.length] as Person)),
      ...ring.map((from) => vouch(from, zoe)),
    ]);
    const accounts = new Map([
      ...question([]).accounts,
      ...ring.map(({ account }) => [idText(account.accountId), account.state] as const),
    ]);
    for (const depth of [1, 2] as const) expect(await count(statements, { accounts, depth })).toBe(0);
    // One introducer who was fooled into all fifty is still one road.
    const fooled = [...statements, ...(await Promise.all(ring.map((sybil) => vouch(ana, sybil))))];
    expect(await count(fooled, { accounts, depth: 1 })).toBe(0);
    expect(await count(fooled, { accounts, depth: 2 })).toBe(1);
  });

  test("an introducer steps aside for another one where it has a second road", async () => {
    const statements = await Promise.all([
      vouch(ana, eve),
      vouch(ana, fay),
      vouch(bo, eve),
      vouch(eve, zoe),
      vouch(fay, zoe),
    ]);
    const roads = await evaluateVouches(question(statements, { depth: 2 }));
    expect(roads.map(({ introducer, through }) => [introducer, through])).toEqual(
      expect.arrayContaining([
        [idOf(ana), idOf(fay)],
        [idOf(bo), idOf(eve)],
      ]),
    );
  });

  test("T21: what was introduced is not passed on: depth 1 stops there, depth 2 one step later", async () => {
    const chain = [await vouch(ana, eve), await vouch(eve, fay), await vouch(fay, zoe)];
    for (const depth of [1, 2] as const) expect(await count(chain, { depth })).toBe(0);
    const through = await evaluateVouches(
      question([await vouch(ana, eve), await vouch(eve, zoe)], { depth: 2 }),
    );
    expect(through).toMatchObject([{ introducer: idOf(ana), through: idOf(eve) }]);
    expect(await count([await vouch(ana, eve), await vouch(eve, zoe)])).toBe(0);
  });
});

/** All simple roads from an introducer to the subject over at most `depth` accounts, then the largest disjoint set. */
function bruteForce(edges: ReadonlySet<string>, introducers: readonly number[], depth: number): number {
  const roads: number[][] = [];
  const walk = (road: number[]) => {
    const last = road.at(-1) as number;
    if (edges.has(`${last}>${SUBJECT}`)) roads.push(road);
    if (road.length === depth) return;
    for (let next = 2; next < PEOPLE; next++) {
      if (!road.includes(next) && edges.has(`${last}>${next}`)) walk([...road, next]);
    }
  };
  for (const introducer of introducers) walk([introducer]);
  const largest = (from: number, used: ReadonlySet<number>): number => {
    let best = 0;
    for (let index = from; index < roads.length; index++) {
      const road = roads[index] as number[];
      if (road.some((account) => used.has(account))) continue;
      best = Math.max(best, 1 + largest(index + 1, new Set([...used, ...road])));
    }
    return best;
  };
  return largest(0, new Set());
}
const PEOPLE = 8;
const SUBJECT = 1;

test("T21: on random graphs the roads are as many as a search through all sets of roads finds", async () => {
  const all = new Map<string, Uint8Array>();
  for (let from = 0; from < PEOPLE; from++) {
    for (let to = 1; to < PEOPLE; to++) {
      if (from !== to) all.set(`${from}>${to}`, await vouch(people[from] as Person, people[to] as Person));
    }
  }
  const graphs = fc.record({
    edges: fc.subarray([...all.keys()]),
    introducers: fc.subarray([0, 1, 2, 3, 4, 5]),
    depth: fc.constantFrom(1 as const, 2 as const),
  });
  await fc.assert(
    fc.asyncProperty(graphs, async ({ edges, introducers, depth }) => {
      const introductions = await evaluateVouches(
        question(
          edges.map((edge) => all.get(edge) as Uint8Array),
          { introducers: introducers.map((place) => idOf(people[place] as Person)), depth },
        ),
      );
      const able = introducers.filter((place) => place !== 0 && place !== SUBJECT);
      expect(introductions.length).toBe(bruteForce(new Set(edges), able, depth));
      const used = introductions.flatMap(({ introducer, through }) => [
        introducer,
        ...(through ? [through] : []),
      ]);
      expect(new Set(used.map(idText)).size).toBe(used.length);
    }),
    { numRuns: 300 },
  );
});

test("who introduces more than ten people in a month is asked about again", async () => {
  const statements = await Promise.all(
    Array.from({ length: MAX_INTRODUCTIONS + 1 }, async (_, place) =>
      decodeVouch(await vouch(ana, await person(`guest${place}`))),
    ),
  );
  expect(introducesMany(statements.slice(1), idOf(ana), nowMs)).toBe(false);
  expect(introducesMany(statements, idOf(ana), nowMs)).toBe(true);
  expect(introducesMany([...statements.slice(1), ...statements.slice(1)], idOf(ana), nowMs)).toBe(false);
  expect(introducesMany(statements, idOf(ana), nowMs + 30 * dayMs)).toBe(false);
  expect(introducesMany(statements, idOf(bo), nowMs)).toBe(false);
});
