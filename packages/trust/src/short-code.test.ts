import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { CheckParty } from "./check-party.ts";
import type { ShortCodeOffer, ShortCodeSetup, ShortCodeState, ShortCodeStep } from "./short-code.ts";
import {
  cancelShortCode,
  enterShortCode,
  offerShortCode,
  receiveShortCode,
  SHORT_CODE_LIFETIME_MS,
} from "./short-code.ts";
import { parseShortCode } from "./short-code-text.ts";
import { SHORT_CODE_WORDS } from "./short-code-words.ts";

const nowMs = 1_800_000_000_000;
const fill = (byte: number, length = 32) => new Uint8Array(length).fill(byte);
const party = (byte: number): CheckParty => ({
  account: fill(byte),
  chainHead: fill(byte + 1),
  deviceKey: fill(byte + 2),
  checkpoint: { size: 3, root: fill(byte + 3) },
});
const ana = party(10);
const bo = party(20);
const mallory = party(30);
const code = parseShortCode("7-river-copper-lamp");
const anaOffer: ShortCodeOffer = {
  code,
  serverId: fill(1),
  session: fill(2, 16),
  own: ana,
  expiresAtMs: nowMs + SHORT_CODE_LIFETIME_MS,
};
const boSetup: ShortCodeSetup = { code, serverId: fill(1), session: fill(2, 16), own: bo };

type Name = "ana" | "bo";
type Relay = (message: Uint8Array, from: Name) => Uint8Array;

interface Outcome {
  readonly ana: ShortCodeState;
  readonly bo: ShortCodeState;
}

function run(
  relay: Relay = (message) => message,
  { offer = anaOffer, setup = boSetup }: { offer?: ShortCodeOffer; setup?: ShortCodeSetup } = {},
): Outcome {
  const steps: Record<Name, ShortCodeStep> = { ana: offerShortCode(offer), bo: enterShortCode(setup) };
  const queue: [Name, Uint8Array][] = steps.bo.send.map((message) => ["bo", message]);
  for (let item = queue.shift(); item; item = queue.shift()) {
    const [from, message] = item;
    const to = from === "ana" ? "bo" : "ana";
    steps[to] = receiveShortCode(steps[to].state, relay(message, from), nowMs);
    queue.push(...steps[to].send.map((answer): [Name, Uint8Array] => [to, answer]));
  }
  return { ana: steps.ana.state, bo: steps.bo.state };
}

function expectBurnt({ ana: anaState, bo: boState }: Outcome, reason: string): void {
  expect(anaState).toMatchObject({ phase: "burnt", reason });
  expect(boState).toMatchObject({ phase: "burnt", reason });
}
const keyOf = (state: ShortCodeState) => {
  if (state.phase !== "met") throw new Error(JSON.stringify(state));
  return state.key.expose().toHex();
};

test("with the same code each side knows the other, and both have one key", () => {
  const states = run();
  expect(states.ana).toMatchObject({ phase: "met", peer: bo });
  expect(states.bo).toMatchObject({ phase: "met", peer: ana });
  expect(keyOf(states.ana)).toBe(keyOf(states.bo));
  expect(keyOf(run().ana)).not.toBe(keyOf(states.ana));
});

test("T17: another word, number, server or session burns the code on both sides", () => {
  const others: Partial<ShortCodeSetup>[] = [
    { code: parseShortCode("7-river-copper-able") },
    { code: parseShortCode("8-river-copper-lamp") },
    { serverId: fill(9) },
    { session: fill(9, 16) },
  ];
  for (const other of others) expectBurnt(run(undefined, { setup: { ...boSetup, ...other } }), "wrong-code");
});

/** What a relay does that has the guest's place and a list of words to try. @returns how many tries it had, if it got in. */
function guessWords(offer: ShortCodeOffer): { readonly state: ShortCodeState; readonly tries: number } {
  let { state } = offerShortCode(offer);
  const [first = ""] = SHORT_CODE_WORDS;
  for (let tries = 1; tries <= 12; tries++) {
    const word = tries === 12 ? "lamp" : (SHORT_CODE_WORDS[tries] ?? first);
    const guess = enterShortCode({
      ...boSetup,
      own: mallory,
      code: parseShortCode(`7-river-copper-${word}`),
    });
    const answer = receiveShortCode(state, guess.send[0] as Uint8Array, nowMs);
    state = answer.state;
    if (state.phase === "burnt") return { state, tries };
    const verdict = receiveShortCode(guess.state, answer.send[0] as Uint8Array, nowMs);
    state = receiveShortCode(state, verdict.send[0] as Uint8Array, nowMs).state;
    if (state.phase === "met") return { state, tries };
  }
  return { state, tries: 12 };
}

test("T17: a server that guesses has one try, then the code is burnt", () => {
  const { state, tries } = guessWords(anaOffer);
  expect(state).toEqual({ phase: "burnt", reason: "wrong-code", byPeer: true });
  expect(tries).toBe(2);
});

test("T17: without that defence the server gets in, so the test above is about it", () => {
  const { state, tries } = guessWords({ ...anaOffer, unsafeTestingKeepCode: true });
  expect(state).toMatchObject({ phase: "met", peer: mallory });
  expect(tries).toBe(12);
});

const edited =
  (at: number, value: Uint8Array, from: Name): Relay =>
  (message, sender) => {
    if (sender !== from || message[0]! > 2) return message;
    const changed = message.slice();
    changed.set(value, at);
    return changed;
  };
/** Places in a hello and in an answer: kind, share, then the party. */
const SHARE = 1;
const PARTY = SHARE + 32;

test.each([
  ["the identity", "00".repeat(32)],
  ["what is no element", `2b3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c`],
  [
    "a point of order 8 on the Edwards curve",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  ],
  [
    "a point of order 2 on the Edwards curve",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ],
])("T17: %s as a share burns the code, whichever way it goes", (_, hex) => {
  expectBurnt(run(edited(SHARE, Uint8Array.fromHex(hex), "bo")), "bad-share");
  expectBurnt(run(edited(SHARE, Uint8Array.fromHex(hex), "ana")), "bad-share");
});

test("T17: a server that swaps sides, puts itself in a side's place, or mirrors, gets nowhere", () => {
  expectBurnt(run(edited(PARTY, mallory.account, "bo")), "wrong-code");
  expectBurnt(run(edited(PARTY, mallory.account, "ana")), "wrong-code");
  const swapped: Relay = (message, from) =>
    edited(PARTY, from === "ana" ? bo.account : ana.account, from)(message, from);
  expectBurnt(run(swapped), "wrong-code");

  const guest = enterShortCode(boSetup);
  const hello = guest.send[0] as Uint8Array;
  const mirrored = receiveShortCode(
    guest.state,
    Uint8Array.of(2, ...hello.subarray(1), ...fill(0, 64)),
    nowMs,
  );
  expect(mirrored.state).toMatchObject({ phase: "burnt", reason: "bad-share" });
  expect(receiveShortCode(enterShortCode(boSetup).state, hello, nowMs).state).toMatchObject({
    phase: "burnt",
    reason: "unexpected",
  });
});

test("T17: one guest has the code; the second finds it spent", () => {
  const [first, second] = [enterShortCode(boSetup), enterShortCode({ ...boSetup, own: mallory })];
  const answered = receiveShortCode(offerShortCode(anaOffer).state, first.send[0] as Uint8Array, nowMs);
  const disturbed = receiveShortCode(answered.state, second.send[0] as Uint8Array, nowMs);
  expect(disturbed.state).toEqual({ phase: "burnt", reason: "unexpected", byPeer: false });
});

test("a code is over after its time, and cannot be cancelled into life", () => {
  const hello = enterShortCode(boSetup).send[0] as Uint8Array;
  const late = receiveShortCode(offerShortCode(anaOffer).state, hello, anaOffer.expiresAtMs);
  expect(late.state).toMatchObject({ phase: "burnt", reason: "expired" });
  expect(late.send).toHaveLength(1);
  const answered = receiveShortCode(offerShortCode(anaOffer).state, hello, nowMs);
  expect(
    receiveShortCode(answered.state, Uint8Array.of(3, ...fill(0, 64)), anaOffer.expiresAtMs).state,
  ).toMatchObject({ reason: "expired" });
  const cancelled = cancelShortCode(answered.state);
  expect(cancelled.state).toMatchObject({ phase: "burnt", reason: "cancelled", byPeer: false });
  expect(receiveShortCode(cancelled.state, hello, nowMs)).toEqual({ state: cancelled.state, send: [] });
  const { ana: end } = run();
  expect(cancelShortCode(end)).toEqual({ state: end, send: [] });
});

test("T17: whatever the relay does to the bytes, no side meets anybody but the other one", () => {
  const damage = fc.record({ nth: fc.nat(2), place: fc.nat(300), change: fc.integer({ min: 1, max: 255 }) });
  fc.assert(
    fc.property(damage, ({ nth, place, change }) => {
      let count = 0;
      const states = run((message) => {
        if (count++ !== nth) return message;
        const damaged = message.slice();
        damaged[place % message.length]! ^= change;
        return damaged;
      });
      for (const [state, other] of [
        [states.ana, bo],
        [states.bo, ana],
      ] as const) {
        if (state.phase === "met") expect(state.peer).toEqual(other);
        else expect(state.phase).toBe("burnt");
      }
      expect(states.ana.phase).toBe("burnt");
    }),
    { numRuns: 200 },
  );
});

interface VectorSide {
  readonly account: string;
  readonly chainHead: string;
  readonly deviceKey: string;
  readonly checkpoint?: { readonly size: number; readonly root: string };
  readonly scalar: string;
}
interface Vector {
  readonly code: string;
  readonly serverId: string;
  readonly session: string;
  readonly guest: VectorSide;
  readonly inviter: VectorSide;
  readonly messages: readonly string[];
  readonly key: string;
}
const vectors: Vector[] = JSON.parse(
  readFileSync(new URL("../../../vectors/trust/short-codes.json", import.meta.url), "utf8"),
);

test.each(vectors)("vector: $code", ({ code: text, serverId, session, guest, inviter, messages, key }) => {
  const setupOf = ({ account, chainHead, deviceKey, checkpoint, scalar }: VectorSide): ShortCodeSetup => ({
    code: parseShortCode(text),
    serverId: Uint8Array.fromHex(serverId),
    session: Uint8Array.fromHex(session),
    own: {
      account: Uint8Array.fromHex(account),
      chainHead: Uint8Array.fromHex(chainHead),
      deviceKey: Uint8Array.fromHex(deviceKey),
      checkpoint: checkpoint && { size: checkpoint.size, root: Uint8Array.fromHex(checkpoint.root) },
    },
    unsafeTestingScalar: Uint8Array.fromHex(scalar),
  });
  const seen: string[] = [];
  const relay: Relay = (message) => {
    seen.push(message.toHex());
    return message;
  };
  const offer = { ...setupOf(inviter), expiresAtMs: nowMs + 1 };
  const states = run(relay, { offer, setup: setupOf(guest) });
  expect(seen).toEqual(messages);
  expect([keyOf(states.ana), keyOf(states.bo)]).toEqual([key, key]);
});
