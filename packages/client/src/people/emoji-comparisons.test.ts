import { idText } from "@parley/protocol";
import type { AccountState, NewAccount } from "@parley/trust";
import {
  appendAccountEntry,
  createAccount,
  deviceAuthority,
  generateSigner,
  makeDeviceAdd,
  signerFromSeed,
} from "@parley/trust";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { HandTurnedClock } from "../connection/hand-turned-clock.ts";
import type { ComparisonMessage } from "./emoji-comparisons.ts";
import { EmojiComparisons } from "./emoji-comparisons.ts";
import { COMPARISON_MS } from "./people.ts";

const ROOM = "a room";
const KEY_TAG = 3;
const START_MS = Date.UTC(2026, 10, 24, 12);

interface Side {
  readonly comparisons: EmojiComparisons;
  readonly state: AccountState;
  readonly device: number;
  /** Sent, and not delivered yet. */
  readonly sent: ComparisonMessage[];
  readonly told: string[];
  readonly checked: string[];
}

let anaAccount: NewAccount;
let boAccount: NewAccount;
let boState: AccountState;
let clock: HandTurnedClock;
/** What everybody's log shows. */
let states: Map<string, AccountState>;
let ana: Side;
let bo: Side;

beforeAll(async () => {
  [anaAccount, boAccount] = await Promise.all([
    createAccount({ name: "ana", nowMs: START_MS - 1000 }),
    createAccount({ name: "bo", nowMs: START_MS - 1000 }),
  ]);
  const by = deviceAuthority(1, await signerFromSeed(boAccount.device));
  const { signer: device } = await generateSigner();
  const entry = await makeDeviceAdd({ state: boAccount.state, by, device, nowMs: START_MS - 500 });
  boState = await appendAccountEntry(boAccount.state, entry, { nowMs: START_MS });
});

beforeEach(() => {
  clock = new HandTurnedClock(START_MS);
  states = new Map([anaAccount.state, boState].map((state) => [idText(state.accountId), state]));
  ana = side(anaAccount.state, 1);
  bo = side(boState, 1);
});

function side(state: AccountState, device: number): Side {
  const [sent, told, checked]: [ComparisonMessage[], string[], string[]] = [[], [], []];
  const comparisons = new EmojiComparisons({
    me: { account: state.accountId, device },
    serverId: new Uint8Array(32).fill(9),
    clock,
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    directory: {
      freshState: async (account) => states.get(idText(account)) as AccountState,
      nameOf: (account) => (idText(account) === idText(boState.accountId) ? "bo" : "ana"),
    },
    view: () => undefined,
    send: (_room, message) => sent.push(message),
    tell: (text) => told.push(text),
    checked: (peer, road) => checked.push(`${idText(peer.accountId)} ${road}`),
    onChange: () => {},
    onFault: (error) => {
      throw error;
    },
  });
  return { comparisons, state, device, sent, told, checked };
}

/** Delivers all that `from` has sent; resolves when it was taken. */
async function deliver(
  from: Side,
  to: Side,
  altered = (message: Uint8Array) => message,
  atMs = clock.nowMs(),
): Promise<void> {
  for (const { comparison, message } of from.sent.splice(0)) {
    const sender = { account: from.state.accountId, device: from.device };
    to.comparisons.heard({ room: ROOM, sender, atMs, comparison, message: altered(message) });
  }
  // One queue: what is asked for now runs when that is done.
  await to.comparisons.cancel(new Uint8Array(32));
}

const phaseAt = (at: Side, other: Side) => at.comparisons.with(other.state.accountId)?.phase;
const begin = (at: Side, other: Side) => at.comparisons.begin(other.state.accountId, ROOM);

async function untilPictures(): Promise<void> {
  await begin(ana, bo);
  await deliver(ana, bo);
  await begin(bo, ana);
  for (let round = 0; round < 2; round++) {
    await deliver(bo, ana);
    await deliver(ana, bo);
  }
}

test("nothing is sent back before the user agrees", async () => {
  await begin(ana, bo);
  await deliver(ana, bo);
  expect(phaseAt(bo, ana)).toBe("asked");
  expect(bo.sent).toEqual([]);
  await begin(bo, ana);
  expect(bo.sent).toHaveLength(1);
});

test("both confirm, and each has checked the other", async () => {
  await untilPictures();
  expect([phaseAt(ana, bo), phaseAt(bo, ana)]).toEqual(["comparing", "comparing"]);
  await ana.comparisons.answer(bo.state.accountId, true, "video");
  await deliver(ana, bo);
  expect(bo.checked).toEqual([]);
  await bo.comparisons.answer(ana.state.accountId, true, "voice");
  await deliver(bo, ana);
  expect(ana.checked).toEqual([`${idText(bo.state.accountId)} video`]);
  expect(bo.checked).toEqual([`${idText(ana.state.accountId)} voice`]);
  expect(clock.timers).toBe(0);
});

test("any device of the other side may answer, and from then on no other counts", async () => {
  const phone = side(boState, 2);
  await begin(ana, bo);
  const question = [...ana.sent];
  await deliver(ana, bo);
  ana.sent.push(...question);
  await deliver(ana, phone);
  await begin(phone, ana);
  const commitment = [...phone.sent];
  await deliver(phone, ana);
  expect(phaseAt(ana, bo)).toBe("waiting");
  phone.sent.push(...commitment);
  await deliver(phone, bo);
  expect(phaseAt(bo, ana)).toBeUndefined();
  bo.sent.push(...commitment);
  await deliver(bo, ana);
  await deliver(ana, phone);
  await deliver(phone, ana);
  expect([phaseAt(ana, bo), phaseAt(phone, ana)]).toEqual(["comparing", "comparing"]);
});

test("a key that is not the one committed to ends it before any picture (T18)", async () => {
  await begin(ana, bo);
  await deliver(ana, bo);
  await begin(bo, ana);
  await deliver(bo, ana);
  await deliver(ana, bo);
  await deliver(bo, ana, (message) => (message[0] === KEY_TAG ? message.with(5, message[5]! ^ 1) : message));
  expect(phaseAt(ana, bo)).toBe("ended");
  expect(ana.told.join()).toContain("a key was swapped on the way");
  expect(ana.told.join()).not.toContain("Compare with");
});

test("a key of small order ends it before any picture (T18)", async () => {
  await begin(ana, bo);
  await deliver(ana, bo);
  await begin(bo, ana);
  await deliver(bo, ana);
  await deliver(ana, bo, (message) =>
    message[0] === KEY_TAG ? Uint8Array.of(KEY_TAG, ...new Uint8Array(32)) : message,
  );
  expect(phaseAt(bo, ana)).toBe("ended");
  expect(bo.told.join()).toContain("a key that nobody honest sends");
  await deliver(bo, ana);
  expect(phaseAt(ana, bo)).toBe("ended");
});

test("a key that comes before the commitment was sent ends it", async () => {
  await begin(ana, bo);
  const [question] = ana.sent;
  await deliver(ana, bo);
  const key = Uint8Array.of(KEY_TAG, ...new Uint8Array(32).fill(7));
  ana.sent.push({ comparison: question!.comparison, message: key });
  await deliver(ana, bo);
  expect(phaseAt(bo, ana)).toBe("ended");
});

test("a device that the log does not show is not compared with (T18)", async () => {
  await begin(ana, bo);
  await deliver(ana, { ...bo });
  const stranger = { ...ana, device: 7 };
  ana.sent.push({ comparison: new Uint8Array(16), message: Uint8Array.of(1) });
  await deliver(stranger, bo);
  expect(phaseAt(bo, ana)).toBe("asked");
  await begin(bo, ana);
  await deliver({ ...bo, device: 9 }, ana);
  expect(phaseAt(ana, bo)).toBe("ended");
});

test("another state of the account than the log shows ends it (T18)", async () => {
  await begin(ana, bo);
  states.set(idText(anaAccount.state.accountId), { ...anaAccount.state, head: new Uint8Array(32).fill(5) });
  await deliver(ana, bo);
  expect(phaseAt(bo, ana)).toBe("ended");
  expect(bo.told.join()).toContain("not whom the server's log shows");
});

test("it ends by itself when it takes too long, and then another can begin", async () => {
  await begin(ana, bo);
  await expect(begin(ana, bo)).rejects.toMatchObject({ code: "not-allowed" });
  await clock.turn(COMPARISON_MS);
  expect(phaseAt(ana, bo)).toBe("ended");
  await begin(ana, bo);
  expect(phaseAt(ana, bo)).toBe("waiting");
});

test("an old question, or what is left of an old comparison, is nothing", async () => {
  await begin(ana, bo);
  await deliver(ana, bo, undefined, clock.nowMs() - COMPARISON_MS - 1);
  expect(phaseAt(bo, ana)).toBeUndefined();
  ana.sent.push({
    comparison: new Uint8Array(16).fill(1),
    message: Uint8Array.of(KEY_TAG, ...new Uint8Array(32)),
  });
  await deliver(ana, bo);
  expect(phaseAt(bo, ana)).toBeUndefined();
  expect(bo.sent).toEqual([]);
});

test("either can stop it at any time, and there is nothing to answer then", async () => {
  await untilPictures();
  await bo.comparisons.cancel(ana.state.accountId);
  await deliver(bo, ana);
  expect([phaseAt(ana, bo), phaseAt(bo, ana)]).toEqual(["ended", "ended"]);
  await expect(ana.comparisons.answer(bo.state.accountId, true, "voice")).rejects.toMatchObject({
    code: "not-allowed",
  });
  expect([...ana.checked, ...bo.checked]).toEqual([]);
});
