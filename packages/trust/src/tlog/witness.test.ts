import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCheckpoint, signCheckpoint } from "./checkpoint.ts";
import { cosignatureTimeSeconds, cosignatureVerifier, cosigner } from "./cosignature.ts";
import { decodeUtf8, encodeUtf8 } from "./encoding.ts";
import { emptyRoot, hashLeaf, proveConsistency } from "./merkle.ts";
import { MerkleTree } from "./merkle-tree.ts";
import { generateKey, noteSigner, noteVerifier } from "./note-key.ts";
import { equalBytes } from "./sha256.ts";
import { openNote, parseNote } from "./signed-note.ts";
import { readVectors } from "./test-vectors.ts";
import type { Witness, WitnessState, WitnessStore } from "./witness.ts";
import { isSameWitnessState, processAddCheckpoint } from "./witness.ts";
import { formatAddCheckpointRequest } from "./witness-message.ts";

interface Vectors {
  readonly exchange: {
    readonly origin: string;
    readonly logVkey: string;
    readonly requests: readonly { readonly body: string; readonly status: number; readonly size?: number }[];
  };
}

const { exchange } = readVectors<Vectors>("witness");
const NOW = 1_700_000_000;
const ORIGIN = "log.example/parley";

class MemoryStore implements WitnessStore {
  readonly states = new Map<string, WitnessState>();

  async load(origin: string): Promise<WitnessState | undefined> {
    return this.states.get(origin);
  }

  async compareAndSwap(
    origin: string,
    expected: WitnessState | undefined,
    next: WitnessState,
  ): Promise<boolean> {
    if (!isSameWitnessState(this.states.get(origin), expected)) return false;
    this.states.set(origin, next);
    return true;
  }
}

const logKeys = await generateKey({ name: ORIGIN, type: 1 });
const witnessKeys = await generateKey({ name: "w.example", type: 4 });
const logSigner = await noteSigner(logKeys.skey.reveal());
const logVerifier = noteVerifier(logKeys.vkey);
const witnessVerifier = cosignatureVerifier(witnessKeys.vkey);
const cosigners = [await cosigner(witnessKeys.skey.reveal())];
const witnessOver = (store: WitnessStore): Witness => ({
  logs: new Map([[ORIGIN, [logVerifier]]]),
  cosigners,
  store,
});

// Two histories of one log that part after COMMON entries.
const COMMON = 3;
const LONGEST = 12;
const branches = ["honest", "fork"].map((branch) => {
  const tree = new MerkleTree();
  for (let index = 0; index < LONGEST; index += 1) {
    tree.append(hashLeaf(encodeUtf8(index < COMMON ? `${index}` : `${branch} ${index}`)));
  }
  return tree;
});

async function requestOf(tree: MerkleTree, oldSize: number, size: number): Promise<Uint8Array> {
  return formatAddCheckpointRequest({
    oldSize,
    proof: oldSize <= size ? await proveConsistency(oldSize, size, tree) : [],
    checkpoint: await signCheckpoint({ origin: ORIGIN, size, root: tree.rootAt(size) }, [logSigner]),
  });
}

const sizeOf = (state: WitnessState | undefined) => state?.size ?? 0;

test("the exchange that litewitness is tested with", async () => {
  const store = new MemoryStore();
  const logs = new Map([[exchange.origin, [noteVerifier(exchange.logVkey)]]]);
  for (const { body, status, size } of exchange.requests) {
    const response = await processAddCheckpoint({ logs, cosigners, store }, encodeUtf8(body), NOW);
    expect(response.status).toBe(status);
    if (size !== undefined) {
      expect(response.contentType).toBe("text/x.tlog.size");
      expect(decodeUtf8(response.body)).toBe(`${size}\n`);
    }
  }
  expect(sizeOf(await store.load(exchange.origin))).toBe(5);
});

describe("a witness", async () => {
  const [tree, fork] = branches as [MerkleTree, MerkleTree];
  const ask = async (store: WitnessStore, body: Uint8Array) =>
    processAddCheckpoint(witnessOver(store), body, NOW);

  test("answers with a cosignature of the time of arrival, having stored a note for monitors", async () => {
    const store = new MemoryStore();
    const response = await ask(store, await requestOf(tree, 0, 5));
    expect(response.status).toBe(200);
    const { text } = parseNote((await store.load(ORIGIN))!.checkpoint);
    const answered = await openNote(encodeUtf8(`${text}\n${decodeUtf8(response.body)}`), [witnessVerifier]);
    expect(cosignatureTimeSeconds(answered.verified[0]!)).toBe(NOW);
    const served = await openNote((await store.load(ORIGIN))!.checkpoint, [logVerifier, witnessVerifier]);
    expect(served.verified.map(({ name }) => name)).toEqual([ORIGIN, "w.example"]);
    expect(parseCheckpoint(served.text)).toMatchObject({ origin: ORIGIN, size: 5, root: tree.rootAt(5) });
  });

  test("cosigns the same tree again, later", async () => {
    const store = new MemoryStore();
    await ask(store, await requestOf(tree, 0, 5));
    expect((await ask(store, await requestOf(tree, 5, 5))).status).toBe(200);
    expect((await ask(store, await requestOf(fork, 5, 5))).status).toBe(422);
  });

  test("cosigns an empty tree, and then one that grew from it", async () => {
    const store = new MemoryStore();
    expect((await ask(store, await requestOf(tree, 0, 0))).status).toBe(200);
    expect((await ask(store, await requestOf(tree, 0, 0))).status).toBe(200);
    expect((await ask(store, await requestOf(tree, 0, 7))).status).toBe(200);
  });

  test.each([
    ["an empty tree with another root", 422, { size: 0, root: hashLeaf(emptyRoot()) }, 0, []],
    ["a proof from size zero", 422, { size: 1, root: hashLeaf(emptyRoot()) }, 0, [emptyRoot()]],
    ["an old size above the new one", 400, { size: 1, root: hashLeaf(emptyRoot()) }, 2, []],
    ["an unknown log", 404, { size: 1, root: hashLeaf(emptyRoot()), origin: "other.example" }, 0, []],
  ] as const)("refuses %s with %d", async (_, status, fields, oldSize, proof) => {
    const checkpoint = await signCheckpoint({ origin: ORIGIN, ...fields }, [logSigner]);
    const store = new MemoryStore();
    const response = await ask(store, formatAddCheckpointRequest({ oldSize, proof, checkpoint }));
    expect(response.status).toBe(status);
    expect(store.states.size).toBe(0);
  });

  test.each([
    ["no request", encodeUtf8("hello\n")],
    [
      "a note without signatures",
      encodeUtf8(`old 0\n\n${ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n`),
    ],
    ["a note that is no checkpoint", encodeUtf8("old 0\n\nhello\n\n— a AAAAAAA=\n")],
  ])("refuses %s with 400", async (_, body) => {
    expect((await ask(new MemoryStore(), body)).status).toBe(400);
  });

  test("refuses with 403 what only a stranger or a wrong signature vouches for", async () => {
    const strange = await noteSigner((await generateKey({ name: ORIGIN, type: 1 })).skey.reveal());
    const fields = { origin: ORIGIN, size: 1, root: tree.rootAt(1) };
    const byStranger = await signCheckpoint(fields, [strange]);
    const tampered = await signCheckpoint(fields, [{ ...logSigner, sign: async () => new Uint8Array(64) }]);
    for (const checkpoint of [byStranger, tampered]) {
      const body = formatAddCheckpointRequest({ oldSize: 0, proof: [], checkpoint });
      expect((await ask(new MemoryStore(), body)).status).toBe(403);
    }
  });

  test("stores one signature per log key, however often the log signed", async () => {
    const store = new MemoryStore();
    const signers = Array(100).fill(logSigner);
    const checkpoint = await signCheckpoint({ origin: ORIGIN, size: 1, root: tree.rootAt(1) }, signers);
    const body = formatAddCheckpointRequest({ oldSize: 0, proof: [], checkpoint });
    expect((await ask(store, body)).status).toBe(200);
    expect(parseNote((await store.load(ORIGIN))!.checkpoint).signatures.length).toBe(2);
  });
});

describe("a witness with a store that fails", () => {
  const [tree, fork] = branches as [MerkleTree, MerkleTree];

  test.each([
    { fault: "fails and loses", keeps: false },
    { fault: "fails but persists", keeps: true },
  ])("gives no cosignature when it $fault, and goes on rightly after", async ({ keeps }) => {
    const store = new MemoryStore();
    const faulty: WitnessStore = {
      load: (origin) => store.load(origin),
      async compareAndSwap(origin, expected, next) {
        if (keeps) await store.compareAndSwap(origin, expected, next);
        throw new Error("disk full");
      },
    };
    const body = await requestOf(tree, 0, 6);
    await expect(processAddCheckpoint(witnessOver(faulty), body, NOW)).rejects.toThrow("disk full");
    // The fork gets its chance only if nothing was stored; the honest log learns where to go on.
    const forked = await processAddCheckpoint(witnessOver(store), await requestOf(fork, 0, 6), NOW);
    expect(forked.status).toBe(keeps ? 409 : 200);
    const again = await processAddCheckpoint(witnessOver(store), await requestOf(tree, 0, 6), NOW);
    expect([again.status, decodeUtf8(again.body)]).toEqual([409, "6\n"]);
    const resumed = await processAddCheckpoint(witnessOver(store), await requestOf(tree, 6, 8), NOW);
    expect(resumed.status).toBe(keeps ? 200 : 422);
  });
});

describe("requests at the same time", () => {
  type Fault = "none" | "fails-and-loses" | "fails-but-persists";
  const faults = fc.array(fc.constantFrom<Fault>("none", "none", "fails-and-loses", "fails-but-persists"), {
    minLength: 20,
    maxLength: 20,
  });
  const asks = fc.array(
    fc.record({ branch: fc.nat(1), size: fc.nat(LONGEST), guess: fc.option(fc.nat(LONGEST)) }),
    { minLength: 2, maxLength: 8 },
  );

  /** Runs requests in an order the scheduler picks, and checks what was released against what is stored. */
  async function race(
    scheduler: fc.Scheduler,
    store: MemoryStore,
    plan: readonly Fault[],
    wanted: readonly Ask[],
  ) {
    const pending = [...plan];
    const scheduled: WitnessStore = {
      load: (origin) => scheduler.schedule(store.load(origin), "load"),
      async compareAndSwap(origin, expected, next) {
        const fault = pending.shift() ?? "none";
        await scheduler.schedule(Promise.resolve(), `compare-and-swap ${next.size}, ${fault}`);
        const swapped = fault === "fails-and-loses" || (await store.compareAndSwap(origin, expected, next));
        if (fault !== "none") throw new Error(fault);
        return swapped;
      },
    };
    const released: { branch: number; size: number; storedSize: number }[] = [];
    const running = wanted.map(async ({ branch, size, guess }) => {
      const oldSize = guess ?? sizeOf(await scheduled.load(ORIGIN));
      const body = await requestOf(branches[branch]!, oldSize, size);
      try {
        const response = await processAddCheckpoint(witnessOver(scheduled), body, NOW);
        if (response.status === 200) {
          released.push({ branch, size, storedSize: sizeOf(store.states.get(ORIGIN)) });
        }
      } catch (error) {
        expect((error as Error).message).toMatch(/^fails-/);
      }
    });
    await scheduler.waitFor(Promise.all(running));
    const state = store.states.get(ORIGIN);
    for (const { branch, size, storedSize } of released) {
      const root = branches[branch]!.rootAt(size);
      const isInState =
        sizeOf(state) >= size &&
        branches.some(
          (tree) =>
            equalBytes(tree.rootAt(size), root) && equalBytes(tree.rootAt(sizeOf(state)), state!.root),
        );
      if (storedSize < size || !isInState)
        return "a cosignature of a tree that the stored one does not extend";
    }
    return "consistent";
  }
  type Ask = typeof asks extends fc.Arbitrary<(infer T)[]> ? T : never;

  test("never release cosignatures of trees that the stored one does not extend, whatever fails", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), faults, asks, async (scheduler, plan, wanted) => {
        expect(await race(scheduler, new MemoryStore(), plan, wanted)).toBe("consistent");
      }),
      { numRuns: 300 },
    );
  });

  test("would, with a store that does not compare before it swaps: this very check finds it", async () => {
    class CarelessStore extends MemoryStore {
      override async compareAndSwap(origin: string, _: unknown, next: WitnessState): Promise<boolean> {
        this.states.set(origin, next);
        return true;
      }
    }
    const found = await fc.check(
      fc.asyncProperty(fc.scheduler(), asks, async (scheduler, wanted) => {
        return (await race(scheduler, new CarelessStore(), [], wanted)) === "consistent";
      }),
      { numRuns: 2000, endOnFailure: true },
    );
    expect(found.failed).toBe(true);
  });

  test("two from one size: one is cosigned, the other told the new size, and the size never falls", async () => {
    for (let run = 0; run < 100; run += 1) {
      const store = new MemoryStore();
      const witness = witnessOver(store);
      await processAddCheckpoint(witness, await requestOf(branches[0]!, 0, 2), NOW);
      const sizes = run % 2 === 0 ? [3 + (run % 4), 7 + (run % 5)] : [7 + (run % 5), 3 + (run % 4)];
      const bodies = await Promise.all(sizes.map((size) => requestOf(branches[0]!, 2, size)));
      const responses = await Promise.all(bodies.map((body) => processAddCheckpoint(witness, body, NOW)));
      expect(responses.map(({ status }) => status).toSorted()).toEqual([200, 409]);
      const winner = sizes[responses.findIndex(({ status }) => status === 200)];
      expect(sizeOf(await store.load(ORIGIN))).toBe(winner);
      expect(responses.map(({ body }) => decodeUtf8(body))).toContain(`${winner}\n`);
    }
  });
});
