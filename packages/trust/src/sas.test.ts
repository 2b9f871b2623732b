import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import type { CheckParty } from "./check-party.ts";
import type { SasSetup, SasState, SasStep } from "./sas.ts";
import { awaitSas, cancelSas, confirmSas, receiveSas, startSas } from "./sas.ts";
import { SAS_EMOJI } from "./sas-emoji.ts";
import type { SasMessage } from "./sas-message.ts";
import { decodeSasMessage, encodeSasMessage } from "./sas-message.ts";
import { ephemeralKeyFromSeed, generateEphemeralKey } from "./x25519.ts";

const fill = (byte: number, length = 32) => new Uint8Array(length).fill(byte);
const party = (byte: number): CheckParty => ({
  account: fill(byte),
  chainHead: fill(byte + 1),
  deviceKey: fill(byte + 2),
  checkpoint: { size: byte, root: fill(byte + 3) },
});
const ana = party(10);
const bo = party(20);
const setups = { ana: setupOf(ana, bo), bo: setupOf(bo, ana) };

function setupOf(own: CheckParty, peer: CheckParty): SasSetup {
  return { serverId: fill(1), own, peer };
}

type Name = "ana" | "bo";
/** What the relay does with a message on its way; an empty list swallows it. */
type Relay = (message: Uint8Array, from: Name) => readonly Uint8Array[];
const honest: Relay = (message) => [message];

interface Outcome {
  readonly ana: SasState;
  readonly bo: SasState;
}

/** Runs a comparison up to the pictures, message by message. */
async function run(
  relay: Relay = honest,
  { anaStep, boStep }: { anaStep?: Promise<SasStep>; boStep?: Promise<SasStep> } = {},
): Promise<Outcome> {
  const states = { ana: await (anaStep ?? startSas(setups.ana)), bo: await (boStep ?? awaitSas(setups.bo)) };
  const queue: [Name, Uint8Array][] = states.ana.send.map((message) => ["ana", message]);
  for (let item = queue.shift(); item; item = queue.shift()) {
    const [from, message] = item;
    const to = from === "ana" ? "bo" : "ana";
    for (const delivered of relay(message, from)) {
      states[to] = await receiveSas(states[to].state, delivered);
      queue.push(...states[to].send.map((answer): [Name, Uint8Array] => [to, answer]));
    }
  }
  return { ana: states.ana.state, bo: states.bo.state };
}

const pictures = (state: SasState) => {
  if (state.phase !== "comparing") throw new Error(state.phase);
  return state.emoji.map(({ emoji }) => emoji).join("");
};

/** A relay that changes the first message of one kind. */
function change<K extends SasMessage["kind"]>(
  kind: K,
  from: Name,
  edit: (message: SasMessage & { kind: K }) => SasMessage,
): Relay {
  return (bytes, sender) => {
    const message = decodeSasMessage(bytes);
    if (sender !== from || message?.kind !== kind) return [bytes];
    return [encodeSasMessage(edit(message as SasMessage & { kind: K }))];
  };
}
const expectAborted = (state: SasState, reason: string, byPeer: boolean) =>
  expect(state).toEqual({ phase: "aborted", reason, byPeer });

test("both sides see the same seven pictures, and after both confirm each knows the other", async () => {
  const states = await run();
  expect(pictures(states.ana)).toBe(pictures(states.bo));
  const anaYes = confirmSas(states.ana, true);
  expect(anaYes.state.phase).toBe("awaiting-confirmation");
  const boTold = await receiveSas(states.bo, anaYes.send[0] as Uint8Array);
  expect(boTold.state).toMatchObject({ phase: "comparing", peerConfirmed: true });
  const boYes = confirmSas(boTold.state, true);
  expect(boYes.state).toEqual({ phase: "done", peer: ana });
  expect((await receiveSas(anaYes.state, boYes.send[0] as Uint8Array)).state).toEqual({
    phase: "done",
    peer: bo,
  });
});

test("each comparison has other pictures", async () => {
  const seen = new Set<string>();
  for (let i = 0; i < 5; i++) seen.add(pictures((await run()).ana));
  expect(seen.size).toBe(5);
});

test("T18: a key swapped after the commitment ends it before any picture", async () => {
  const mallory = await generateEphemeralKey();
  const states = await run(change("key", "bo", () => ({ kind: "key", key: mallory.publicKey })));
  expectAborted(states.ana, "commitment-mismatch", false);
  expectAborted(states.bo, "commitment-mismatch", true);
});

test("T18: a man in the middle with keys of his own gives both sides other pictures", async () => {
  const [toAna, toBo] = [await generateEphemeralKey(), await generateEphemeralKey()];
  const malloryAsBo = await awaitSas(setups.bo, { ephemeral: toAna, nonce: fill(0, 16) });
  const malloryAsAna = await startSas(setups.ana, { ephemeral: toBo, nonce: fill(0, 16) });
  const asBo = await run(honest, { boStep: Promise.resolve(malloryAsBo) });
  const asAna = await run(honest, { anaStep: Promise.resolve(malloryAsAna) });
  expect(pictures(asBo.ana)).not.toBe(pictures(asAna.bo));
});

test("T18: a device that goes by the key of another, or swaps its fields, is refused before any picture", async () => {
  const claims: ((honestParty: CheckParty) => CheckParty)[] = [
    (claimed) => ({ ...claimed, deviceKey: fill(99) }),
    (claimed) => ({ ...claimed, deviceKey: claimed.account, account: claimed.deviceKey }),
    (claimed) => ({ ...claimed, chainHead: fill(98) }),
    (claimed) => ({ ...claimed, account: ana.account }),
  ];
  for (const claim of claims) {
    const states = await run(
      change("commit", "bo", (message) => ({ ...message, party: claim(message.party) })),
    );
    expectAborted(states.ana, "party-mismatch", false);
    expectAborted(states.bo, "party-mismatch", true);
  }
  const states = await run(
    change("start", "ana", (message) => ({ ...message, party: { ...ana, deviceKey: bo.deviceKey } })),
  );
  expectAborted(states.bo, "party-mismatch", false);
});

/** u-coordinates of points of order 1, 2, 4, 8 on the curve and its twist (RFC 7748 §6.1, cr.yp.to/ecdh.html). */
const LOW_ORDER = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

test.each(LOW_ORDER)("T18: the low-order point %s ends it before any picture", async (hex) => {
  const key = Uint8Array.fromHex(hex);
  const toBo = await run(change("key", "ana", () => ({ kind: "key", key })));
  expectAborted(toBo.bo, "bad-key", false);
  expectAborted(toBo.ana, "bad-key", true);
  const committed = await awaitSas(setups.bo, {
    ephemeral: { publicKey: key, agree: (await generateEphemeralKey()).agree },
    nonce: fill(0, 16),
  });
  expectAborted((await run(honest, { boStep: Promise.resolve(committed) })).ana, "bad-key", false);
});

test("a key sent back to its maker is refused", async () => {
  const own: Relay = (bytes, from) => {
    const message = decodeSasMessage(bytes);
    return from === "ana" && message?.kind === "key" ? [] : [bytes];
  };
  const states = await run(own);
  const { run: running } = states.bo as SasState & { phase: "awaiting-initiator-key" };
  const mirrored = encodeSasMessage({ kind: "key", key: running.randomness.ephemeral.publicKey });
  expectAborted((await receiveSas(states.bo, mirrored)).state, "bad-key", false);
});

test("whatever one side sees of parties, logs, server or nonce, the other must see too", async () => {
  const base = pictures((await run()).ana);
  expect(base).toBeTruthy();
  const edits: Relay[] = [
    change("start", "ana", (message) => ({ ...message, nonce: fill(7, 16) })),
    change("start", "ana", (message) => ({
      ...message,
      party: { ...message.party, checkpoint: { size: 1, root: fill(0) } },
    })),
    change("start", "ana", (message) => ({ ...message, party: { ...message.party, checkpoint: undefined } })),
    change("commit", "bo", (message) => ({ ...message, party: { ...message.party, checkpoint: undefined } })),
  ];
  for (const edit of edits) {
    const { ana: anaState, bo: boState } = await run(edit);
    if (anaState.phase === "comparing") expect(pictures(anaState)).not.toBe(pictures(boState));
    else expectAborted(anaState, "commitment-mismatch", false);
  }
  const elsewhere = await run(honest, { boStep: awaitSas({ ...setups.bo, serverId: fill(2) }) });
  expect(pictures(elsewhere.ana)).not.toBe(pictures(elsewhere.bo));
});

test("no means different on both sides, and nothing revives it", async () => {
  const states = await run();
  const no = confirmSas(states.ana, false);
  expectAborted(no.state, "different", false);
  const told = await receiveSas(states.bo, no.send[0] as Uint8Array);
  expectAborted(told.state, "different", true);
  expect(confirmSas(told.state, true).state).toBe(told.state);
  expect(cancelSas(no.state)).toEqual({ state: no.state, send: [] });
});

test("a confirmation that was not made with the shared key is refused, one's own too", async () => {
  const states = await run();
  const yes = confirmSas(states.ana, true);
  const forged = encodeSasMessage({ kind: "confirm", mac: fill(0) });
  expectAborted((await receiveSas(yes.state, forged)).state, "confirmation-mismatch", false);
  expectAborted((await receiveSas(states.bo, forged)).state, "confirmation-mismatch", false);
  expectAborted(
    (await receiveSas(yes.state, yes.send[0] as Uint8Array)).state,
    "confirmation-mismatch",
    false,
  );
});

test("messages out of turn and bytes of no meaning end it", async () => {
  const key = encodeSasMessage({ kind: "key", key: fill(9) });
  for (const begin of [startSas(setups.ana), awaitSas(setups.bo)]) {
    const { state } = await begin;
    expectAborted((await receiveSas(state, key)).state, "unexpected", false);
    expectAborted((await receiveSas(state, Uint8Array.of(9))).state, "malformed", false);
    expectAborted(cancelSas(state).state, "cancelled", false);
    expect(confirmSas(state, true).state).toBe(state);
  }
  const { bo: boState } = await run();
  expectAborted((await receiveSas(boState, key)).state, "unexpected", false);
});

test("whatever the relay does to the bytes, the two sides never see the same pictures of different keys", async () => {
  const damage = fc.record({ nth: fc.nat(3), place: fc.nat(200), change: fc.integer({ min: 1, max: 255 }) });
  await fc.assert(
    fc.asyncProperty(damage, async ({ nth, place, change: mask }) => {
      let count = 0;
      const states = await run((bytes) => {
        if (count++ !== nth) return [bytes];
        const damaged = bytes.slice();
        damaged[place % bytes.length]! ^= mask;
        return [damaged];
      });
      const shown = [states.ana, states.bo].filter(({ phase }) => phase === "comparing").map(pictures);
      expect(new Set(shown).size).toBe(shown.length);
    }),
    { numRuns: 300 },
  );
});

test("a state shows no secret", async () => {
  const { ana: state } = await run();
  if (state.phase !== "comparing") throw new Error(state.phase);
  expect(inspect(state.compared.confirmKey)).toBe("[secret]");
  expect(JSON.stringify(state)).toContain('"confirmKey":"[secret]"');
});

test("the table has 64 pictures and 64 names", () => {
  expect(new Set(SAS_EMOJI.map(({ emoji }) => emoji)).size).toBe(64);
  expect(new Set(SAS_EMOJI.map(({ name }) => name)).size).toBe(64);
});

interface Vector {
  readonly serverId: string;
  readonly initiator: { readonly party: VectorParty; readonly seed: string; readonly nonce: string };
  readonly responder: { readonly party: VectorParty; readonly seed: string };
  readonly messages: readonly string[];
  readonly emoji: readonly string[];
  readonly confirmations: readonly string[];
}
interface VectorParty {
  readonly account: string;
  readonly chainHead: string;
  readonly deviceKey: string;
  readonly checkpoint?: { readonly size: number; readonly root: string };
}
const vectors: Vector[] = JSON.parse(
  readFileSync(new URL("../../../vectors/trust/sas.json", import.meta.url), "utf8"),
);
const read = ({ account, chainHead, deviceKey, checkpoint }: VectorParty): CheckParty => ({
  account: Uint8Array.fromHex(account),
  chainHead: Uint8Array.fromHex(chainHead),
  deviceKey: Uint8Array.fromHex(deviceKey),
  checkpoint: checkpoint && { size: checkpoint.size, root: Uint8Array.fromHex(checkpoint.root) },
});
let vectorRuns: { messages: string[]; states: Outcome }[];
beforeAll(async () => {
  vectorRuns = [];
  for (const { serverId, initiator, responder } of vectors) {
    const [own, peer] = [read(initiator.party), read(responder.party)];
    const id = Uint8Array.fromHex(serverId);
    const messages: string[] = [];
    const states = await run(
      (bytes) => {
        messages.push(bytes.toHex());
        return [bytes];
      },
      {
        anaStep: startSas(
          { serverId: id, own, peer },
          {
            ephemeral: await ephemeralKeyFromSeed(Uint8Array.fromHex(initiator.seed)),
            nonce: Uint8Array.fromHex(initiator.nonce),
          },
        ),
        boStep: awaitSas(
          { serverId: id, own: peer, peer: own },
          { ephemeral: await ephemeralKeyFromSeed(Uint8Array.fromHex(responder.seed)), nonce: fill(0, 16) },
        ),
      },
    );
    vectorRuns.push({ messages, states });
  }
});

test.each(vectors.map((vector, index) => [index, vector] as const))("vector %i", (index, vector) => {
  const { messages, states } = vectorRuns[index] as (typeof vectorRuns)[number];
  expect(messages).toEqual(vector.messages);
  expect([...pictures(states.ana)]).toEqual([...vector.emoji.join("")]);
  const confirmations = [states.ana, states.bo].map((state) => confirmSas(state, true).send[0]?.toHex());
  expect(confirmations).toEqual(vector.confirmations);
});
