import fc from "fast-check";
import { expect } from "vitest";
import { MlsError } from "./errors.ts";
import { allowing, Device, everyoneHears, roomOf } from "./test-room.ts";

/** One way to spoil bytes. Positions are fractions, so that they mean something in any message. */
type Spoiling =
  | { readonly kind: "flip"; readonly at: number; readonly bit: number }
  | { readonly kind: "overwrite"; readonly at: readonly number[]; readonly values: readonly number[] }
  | { readonly kind: "cut"; readonly at: number }
  | { readonly kind: "insert"; readonly at: number; readonly values: readonly number[] }
  | { readonly kind: "huge length"; readonly at: number };

/** Even over the message: fast-check would by itself prefer the first bytes, where all is refused as no message. */
const place = fc.noBias(fc.nat(999_999)).map((millionths) => millionths / 1_000_000);
const byte = fc.nat(255);

export const spoiling: fc.Arbitrary<Spoiling> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("flip" as const), at: place, bit: fc.nat(7) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("overwrite" as const),
      at: fc.array(place, { minLength: 4, maxLength: 4 }),
      values: fc.array(byte, { minLength: 4, maxLength: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), at: place }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("insert" as const),
      at: place,
      values: fc.array(byte, { minLength: 8, maxLength: 8 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("huge length" as const), at: place }) },
);

export function spoil(original: Uint8Array, how: Spoiling): Uint8Array {
  const position = (fraction: number, within = original.length) => Math.floor(fraction * within);
  const bytes = original.slice();
  if (how.kind === "flip") bytes[position(how.at)]! ^= 1 << how.bit;
  else if (how.kind === "overwrite")
    for (const [index, at] of how.at.entries()) bytes[position(at)] = how.values[index] ?? 0;
  else if (how.kind === "cut") return bytes.slice(0, position(how.at));
  else if (how.kind === "insert") {
    const at = position(how.at);
    return Uint8Array.of(...bytes.subarray(0, at), ...how.values, ...bytes.subarray(at));
  } else bytes[position(how.at, Math.min(24, bytes.length))] = 0xff;
  return bytes;
}

/** A kind of bytes that come from outside, and who must refuse them when they were spoilt. */
export interface Target {
  readonly original: Uint8Array;
  readonly handle: (bytes: Uint8Array) => Promise<unknown>;
  /** Digest of the state that a refusal may not have moved. */
  readonly state: () => string;
}

/** A room in which every kind of message is under way. */
export async function targets(suite: 1 | 83): Promise<Record<string, Target>> {
  const room = await roomOf(["ana", "bo", "cleo", "dan"], suite);
  const [ana, bo, cleo, dan] = room as [Device, Device, Device, Device];
  await everyoneHears([bo, cleo, dan], (await ana.commit()).commit);
  const eli = new Device("eli", suite);
  const packed = await eli.keyPackage();
  const draft = async (request: Parameters<Device["group"]["commit"]>[0]) =>
    ana.take(await ana.group.commit(request));
  const [update, add, remove] = [
    await draft({}),
    await draft({ add: [packed.keyPackage] }),
    await draft({ remove: [3] }),
  ];
  const policy = await draft({ policy: Uint8Array.of(1, 2, 3) });
  const proposal = cleo.take(await cleo.group.propose({ kind: "remove", leafIndex: 2 }));
  const application = await dan.say("hello");
  const rejoin = await dan.engine.rejoin({
    groupInfo: await ana.group.groupInfo(),
    ratchetTree: ana.group.ratchetTree(),
    identityFor: dan.identityFor,
    formerLeaf: () => 3,
  });

  const state = () =>
    JSON.stringify([...bo.records].map(([key, bytes]) => [key, Buffer.from(bytes).toString("base64")]));
  const process = async (bytes: Uint8Array) => bo.group.process(bytes, allowing);
  const join = async (welcome: Uint8Array, ratchetTree: Uint8Array) =>
    eli.engine.join({ welcome, ratchetTree, keyPackage: packed.keyPackage, secret: packed.secret });
  const rejoinFrom = async (groupInfo: Uint8Array) =>
    eli.engine.rejoin({
      groupInfo,
      ratchetTree: ana.group.ratchetTree(),
      identityFor: eli.identityFor,
      formerLeaf: () => undefined,
    });
  const messages: Record<string, Uint8Array> = {
    "an application message": application,
    "a proposal": proposal.message,
    "a commit that updates": update.commit,
    "a commit that adds": add.commit,
    "a commit that removes": remove.commit,
    "a commit that changes the policy": policy.commit,
    "an external commit": rejoin.commit,
  };
  const welcome = add.welcome ?? new Uint8Array(0);
  return {
    ...Object.fromEntries(
      Object.entries(messages).map(([name, original]) => [name, { original, handle: process, state }]),
    ),
    "a Welcome": { original: welcome, handle: (bytes) => join(bytes, add.ratchetTree), state },
    "a ratchet tree": { original: add.ratchetTree, handle: (bytes) => join(welcome, bytes), state },
    "a GroupInfo": { original: await ana.group.groupInfo(), handle: rejoinFrom, state },
    "a key package": {
      original: packed.keyPackage,
      handle: (add) => ana.group.commit({ add: [add] }),
      state,
    },
  };
}

/** Longest a refusal may take: a hang would block the room's queue. */
const MOST_MS = 2_000;

/**
 * Every mutant is refused by a typed error, soon, and without a trace; the original still does afterwards.
 */
export async function refuseMutants(target: Target, mutants: number): Promise<void> {
  const before = target.state();
  await fc.assert(
    fc.asyncProperty(spoiling, async (how) => {
      const mutant = spoil(target.original, how);
      if (Buffer.from(mutant).equals(target.original)) return;
      const started = performance.now();
      const error: unknown = await target.handle(mutant).then(
        () => "accepted",
        (refusal: unknown) => refusal,
      );
      expect(error).toBeInstanceOf(MlsError);
      expect(error).not.toMatchObject({ code: "internal" });
      expect(performance.now() - started).toBeLessThan(MOST_MS);
    }),
    { numRuns: mutants, endOnFailure: true },
  );
  expect(target.state()).toBe(before);
  await target.handle(target.original);
}
