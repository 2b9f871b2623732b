import type { DeviceAddress } from "@parley/protocol";
import { decodeRoomLogEntry, ProtocolError } from "@parley/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { RelayStore } from "./contract.ts";
import { FaultyCommit } from "./sqlite/faulty-commit.ts";
import { temporaryStore } from "./sqlite/temporary-store.ts";
import {
  adding,
  append,
  clientId,
  commit,
  device,
  EVERYTHING,
  expectChained,
  namesOf,
  roomId,
  START_MS,
} from "./suite/fixtures.ts";

const ROOMS = 2;
const DEVICES = 4;
const devices = Array.from({ length: DEVICES }, (_, n) => device("model", n + 1));
const rooms = Array.from({ length: ROOMS }, (_, n) => roomId(`model ${n}`));

/** What fast-check draws: `lag` and `replaces` are relative to what the asker knows of the room. */
type Drawn =
  | { readonly kind: "create"; readonly room: number; readonly who: number }
  | {
      readonly kind: "append";
      readonly room: number;
      readonly who: number;
      readonly id: number;
      readonly lag: number;
    }
  | {
      readonly kind: "commit";
      readonly room: number;
      readonly who: number;
      readonly id: number;
      readonly lag: number;
      readonly added: readonly number[];
      readonly removed: readonly number[];
      readonly replaces: "nothing" | "standing" | number;
    }
  | { readonly kind: "deliver"; readonly room: number };

/** What is asked in one turn of the event loop, and what happens to its commit. */
interface Turn {
  readonly drawn: readonly Drawn[];
  readonly fault: "none" | "loses" | "persists";
  readonly reopen: boolean;
}

/** What is asked of store and model alike. Rooms, devices and client ids by their numbers. */
type Action =
  | Exclude<Drawn, { lag: number }>
  | (Omit<Extract<Drawn, { kind: "append" }>, "lag"> & { readonly epoch: number })
  | (Omit<Extract<Drawn, { kind: "commit" }>, "lag" | "replaces"> & {
      readonly epoch: number;
      readonly replaces: number;
    });

interface ModelRoom {
  epoch: number;
  log: { who: number; id: number }[];
  /** Device → the seq that took it off, 0 while on. */
  roster: Map<number, number>;
  /** Epoch → the commit that stands for it. */
  standing: Map<number, number>;
  /** Devices whose Welcomes wait. */
  waiting: number[];
}

/** The contract of rooms, written as plainly as possible. Plain data, so that it can be cloned. */
interface Model {
  readonly rooms: (ModelRoom | undefined)[];
  /** Items in each device's inbox. */
  readonly inboxes: number[];
}

function resolveDrawn(model: Model, drawn: Drawn): Action {
  if (drawn.kind === "create" || drawn.kind === "deliver") return drawn;
  const { lag: _, ...rest } = drawn;
  const room = model.rooms[drawn.room];
  const isReplacement = drawn.kind === "commit" && drawn.replaces !== "nothing";
  const epoch = Math.max(0, (room?.epoch ?? 0) - drawn.lag - (isReplacement ? 1 : 0));
  if (rest.kind === "append") return { ...rest, epoch };
  const standing = room?.standing.get(epoch) ?? 1;
  const replaces = rest.replaces === "nothing" ? 0 : rest.replaces === "standing" ? standing : rest.replaces;
  return { ...rest, epoch, replaces };
}

/** Does `action` to `model`. @returns what the store should answer. */
function perform(model: Model, action: Action): string {
  const room = model.rooms[action.room];
  if (action.kind === "create") {
    if (room) return "already-exists";
    const roster = new Map([[action.who, 0]]);
    model.rooms[action.room] = { epoch: 0, log: [], roster, standing: new Map(), waiting: [] };
    return "done";
  }
  if (action.kind === "deliver") {
    const due = room?.waiting.splice(0) ?? [];
    for (const who of due) model.inboxes[who] = (model.inboxes[who] ?? 0) + 1;
    return `delivered ${due.length}`;
  }
  const left = room?.roster.get(action.who);
  if (!room || left === undefined) return "not-found";
  if (left !== 0 && !(action.kind === "commit" && action.replaces === left)) return "forbidden";
  const first = room.log.findIndex(({ who, id }) => who === action.who && id === action.id);
  if (first >= 0) return `duplicate ${first + 1}`;
  if (action.kind === "commit") return performCommit(room, action);
  if (action.epoch !== room.epoch) return `stale-epoch ${room.epoch}`;
  return `seq ${room.log.push({ who: action.who, id: action.id })}`;
}

function performCommit(room: ModelRoom, action: Extract<Action, { kind: "commit" }>): string {
  const { epoch, replaces, who, id } = action;
  if (epoch > room.epoch) return `stale-epoch ${room.epoch}`;
  const standing = room.standing.get(epoch) ?? 0;
  const isFirst = replaces === 0 && epoch === room.epoch;
  const isReplacement = replaces !== 0 && standing === replaces && room.epoch === epoch + 1;
  if (!isFirst && !isReplacement) return `epoch-conflict ${standing} ${room.epoch}`;
  const seq = room.log.push({ who, id });
  const lost = [...room.roster].filter(([, left]) => replaces !== 0 && left === replaces);
  for (const [it] of lost) room.roster.set(it, 0);
  for (const it of action.removed) if (room.roster.get(it) === 0) room.roster.set(it, seq);
  for (const it of action.added) room.roster.set(it, 0);
  room.epoch = epoch + 1;
  room.standing.set(epoch, seq);
  room.waiting.push(...action.added);
  return `seq ${seq}`;
}

async function outcome(promise: Promise<unknown>): Promise<string> {
  try {
    const value = await promise;
    if (Array.isArray(value)) return `delivered ${value.length}`;
    if (typeof value !== "object" || value === null || !("seq" in value)) return "done";
    return `${"duplicate" in value && value.duplicate ? "duplicate" : "seq"} ${value.seq}`;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const { winnerSeq, epoch } = error.data;
    return [error.code, winnerSeq, epoch].filter((it) => it !== undefined).join(" ");
  }
}

function ask(store: RelayStore, action: Action): Promise<unknown> {
  const id = rooms[action.room] as Uint8Array;
  if (action.kind === "deliver") return store.deliverPending(id);
  const sender = devices[action.who] as DeviceAddress;
  if (action.kind === "create") return store.createRoom({ room: id, creator: sender, nowMs: START_MS });
  const fields = { room: id, sender, clientId: clientId(action.id), epoch: action.epoch };
  if (action.kind === "append") return store.append(append(action.id, fields));
  const pick = (numbers: readonly number[]) => numbers.map((number) => devices[number] as DeviceAddress);
  const added = adding(...pick(action.added));
  const { replaces } = action;
  return store.acceptCommit(commit(action.id, { ...fields, replaces, added, removed: pick(action.removed) }));
}

async function expectAgreement(store: RelayStore, model: Model): Promise<void> {
  for (const [place, id] of rooms.entries()) {
    const expected = model.rooms[place];
    const record = await store.roomRecord(id);
    expect(record === undefined).toBe(expected === undefined);
    if (!expected || !record) continue;
    expect(record.epoch).toBe(expected.epoch);
    expect(namesOf(record.roster)).toEqual(
      namesOf(devices.filter((_, who) => expected.roster.get(who) === 0)),
    );
    const entries = (await expectChained(store, id)).map(decodeRoomLogEntry);
    const ids = entries.map((entry) => [entry.sender.device - 1, entry.clientId.toHex()]);
    expect(ids).toEqual(expected.log.map((it) => [it.who, clientId(it.id).toHex()]));
  }
  for (const [who, address] of devices.entries()) {
    const seqs = (await store.readInbox(address, 0, EVERYTHING)).map(({ seq }) => seq);
    expect(seqs).toEqual(Array.from({ length: model.inboxes[who] ?? 0 }, (_, n) => n + 1));
  }
}

const room = fc.nat(ROOMS - 1);
const who = fc.nat(DEVICES - 1);
const id = fc.nat(30);
const lag = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 1, 2) },
);
const some = fc.uniqueArray(who, { maxLength: 3 });
const replaces = fc.oneof(
  { weight: 3, arbitrary: fc.constant("nothing" as const) },
  { weight: 2, arbitrary: fc.constant("standing" as const) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 6 }) },
);
const drawn: fc.Arbitrary<Drawn> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("create" as const), room, who }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("append" as const), room, who, id, lag }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      room,
      who,
      id,
      lag,
      added: some,
      removed: some,
      replaces,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("deliver" as const), room }) },
);
const turn: fc.Arbitrary<Turn> = fc.record({
  drawn: fc.array(drawn, { minLength: 1, maxLength: 4 }),
  fault: fc.oneof(
    { weight: 8, arbitrary: fc.constant("none" as const) },
    { weight: 1, arbitrary: fc.constantFrom("loses" as const, "persists" as const) },
  ),
  reopen: fc.boolean(),
});

const setUp: Turn = {
  drawn: rooms.map((_, place) => ({ kind: "create", room: place, who: place })),
  fault: "none",
  reopen: false,
};

async function play(turns: readonly Turn[], maxUnsettledEntries: number): Promise<void> {
  const faulty = new FaultyCommit();
  const under = temporaryStore({ unsafeTestingCommit: faulty.commit, maxUnsettledEntries });
  let store = under.store;
  let isProbed = false;
  let model: Model = { rooms: rooms.map(() => undefined), inboxes: devices.map(() => 0) };
  try {
    for (const { drawn: draws, fault, reopen } of turns) {
      const actions = draws.map((it) => resolveDrawn(model, it));
      const next = structuredClone(model);
      const expected = actions.map((it) => perform(next, it));
      if (fault !== "none") faulty.arm(fault);
      const answers = await Promise.all(actions.map((it) => outcome(ask(store, it))));
      expect(answers).toEqual(fault === "none" ? expected : answers.map(() => "storage-unavailable"));
      // After a fault the next commit is a probe: a fault then strikes that, and the batch is never tried.
      if (fault === "none" || (fault === "persists" && !isProbed)) model = next;
      isProbed = fault !== "none" && !reopen;
      if (reopen) store = await under.reopen();
      await expectAgreement(store, model);
    }
  } finally {
    await under.dispose();
  }
}

it("does what the model does, whatever is asked, fails or restarts", async () => {
  const turns = fc.array(turn, { minLength: 4, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(turns, fc.nat(20), (drawnTurns, maxUnsettledEntries) =>
      play([setUp, ...drawnTurns], maxUnsettledEntries),
    ),
    { numRuns: 150 },
  );
});
