import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ChainEntry } from "./chain-entry.ts";
import { decodeChainEntry, encodeChainEntry, keyCommitment, signedBytes, ZERO_HASH } from "./chain-entry.ts";
import { makeEntry, NO_HEAD } from "./chain-link.ts";
import type { Secret } from "./secret.ts";
import type { ServerIdentity } from "./server-chain.ts";
import {
  compareWithPin,
  createServerIdentity,
  recoverServerIdentity,
  rotateServerIdentity,
  updateServerMeta,
  verifyServerChain,
} from "./server-chain.ts";
import { generateSigner, signerFromSeed } from "./signature.ts";

const nowMs = 1_800_000_000_000;
const create = () =>
  createServerIdentity({ nowMs, hostNames: ["chat.example.org"], logKey: "chat.example.org/parley+0" });
const headOf = (server: ServerIdentity) => ({ ...server, subject: server.serverId });
const codeOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => "accepted",
    (error) => error.code as string,
  );

interface Vectors {
  readonly valid: {
    name: string;
    chain: string[];
    serverId: string;
    identityKey: string;
    head: string;
    recoveries: number;
  }[];
  readonly invalid: { name: string; chain: string[]; code: string }[];
}
const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../../../vectors/trust/server-chains.json", import.meta.url), "utf8"),
);

test.each(vectors.valid)("vector: $name", async ({ chain, serverId, identityKey, head, recoveries }) => {
  const server = await verifyServerChain(chain.map((entry) => Uint8Array.fromHex(entry)));
  expect(server.serverId.toHex()).toBe(serverId);
  expect(server.identityKey.toHex()).toBe(identityKey);
  expect(server.head.toHex()).toBe(head);
  expect(server.recoveries).toBe(recoveries);
});

test.each(vectors.invalid)("vector: $name is $code", async ({ chain, code }) => {
  expect(await codeOf(verifyServerChain(chain.map((entry) => Uint8Array.fromHex(entry))))).toBe(code);
});

test("a new server commits to its next key and to its recovery key", async () => {
  const keys = await create();
  const server = await verifyServerChain(keys.chain);
  const commitment = async (seed: Secret) => keyCommitment((await signerFromSeed(seed)).publicKey);
  expect(server.identityKey).toEqual((await signerFromSeed(keys.identity)).publicKey);
  expect(server.nextKeyHash).toEqual(await commitment(keys.next));
  expect(server.recoveryKeyHash).toEqual(await commitment(keys.recovery));
  expect(server.meta.hostNames).toEqual(["chat.example.org"]);
  expect([server.length, server.recoveries, server.recoveredAtMs]).toEqual([1, 0, undefined]);
});

test("the id stays through rotations, recoveries and changes of hosts", async () => {
  const first = await create();
  const rotated = await rotateServerIdentity({ ...first, nowMs: nowMs + 1 });
  const recovered = await recoverServerIdentity({
    chain: rotated.chain,
    recovery: first.recovery,
    nowMs: nowMs + 2,
  });
  const again = await rotateServerIdentity({ ...recovered, nowMs: nowMs + 3 });
  const chain = await updateServerMeta({
    ...again,
    meta: { hostNames: ["[::1]", "10.0.0.1"] },
    nowMs: nowMs + 4,
  });
  const server = await verifyServerChain(chain);
  expect(server.serverId).toEqual((await verifyServerChain(first.chain)).serverId);
  expect(server.identityKey).toEqual((await signerFromSeed(again.identity)).publicKey);
  expect(server.meta).toEqual({ hostNames: ["[::1]", "10.0.0.1"], logKey: undefined, witnessPolicy: "" });
  expect([server.length, server.recoveries, server.recoveredAtMs]).toEqual([5, 1, nowMs + 2]);
});

test("the clock of the signer never goes back within a chain", async () => {
  const rotated = await rotateServerIdentity({ ...(await create()), nowMs: 5 });
  expect(decodeChainEntry(rotated.chain[1]!).timeMs).toBe(nowMs);
});

test("T7: a thief of the identity key cannot rotate, a thief of the next key neither", async () => {
  const keys = await create();
  const stranger = (await generateSigner()).seed;
  expect(await codeOf(rotateServerIdentity({ ...keys, next: stranger, nowMs }))).toBe("chain-authority");
  expect(await codeOf(rotateServerIdentity({ ...keys, identity: stranger, nowMs }))).toBe("chain-signature");
  expect(await codeOf(recoverServerIdentity({ ...keys, recovery: keys.identity, nowMs }))).toBe(
    "chain-authority",
  );
});

test("T7: a thief of identity and next key cannot touch the recovery key, and the operator's recovery wins", async () => {
  const operator = await create();
  const pinBefore = await verifyServerChain(operator.chain);
  const thief = await rotateServerIdentity({ ...operator, nowMs: nowMs + 1 });
  const fooled = await verifyServerChain(thief.chain);
  const appended = await verifyServerChain(
    (await recoverServerIdentity({ chain: thief.chain, recovery: operator.recovery, nowMs: nowMs + 2 }))
      .chain,
  );
  const aside = await verifyServerChain(
    (await recoverServerIdentity({ chain: operator.chain, recovery: operator.recovery, nowMs: nowMs + 2 }))
      .chain,
  );
  for (const pin of [pinBefore, fooled]) {
    for (const recovered of [appended, aside]) expect(compareWithPin(pin, recovered)).toBe("recovered");
  }
  const thiefGoesOn = await verifyServerChain(
    (await rotateServerIdentity({ ...thief, nowMs: nowMs + 3 })).chain,
  );
  expect(() => compareWithPin(appended, thiefGoesOn)).toThrow("server-forked");
  expect(() => compareWithPin(aside, thiefGoesOn)).toThrow("server-forked");
});

test("T7: a recovery is signed by the recovery key and by the new identity key", async () => {
  const keys = await create();
  const server = await verifyServerChain(keys.chain);
  const recovery = await signerFromSeed(keys.recovery);
  const { signer: fresh } = await generateSigner();
  const body = {
    recoveryKey: recovery.publicKey,
    identityKey: fresh.publicKey,
    nextKeyHash: ZERO_HASH,
    recoveryKeyHash: ZERO_HASH,
  };
  const recoverBy = async (signers: Parameters<typeof makeEntry>[2]) => {
    const entry = await makeEntry(headOf(server), { type: "server-recover", body, nowMs }, signers);
    return codeOf(verifyServerChain([...keys.chain, entry]));
  };
  expect(await recoverBy([recovery, fresh])).toBe("accepted");
  for (const signers of [[recovery], [recovery, recovery], [fresh, fresh], [fresh, recovery], []]) {
    expect(await recoverBy(signers)).toBe("chain-signature");
  }
});

test("an old recovery key overrides nothing that came after the new one", async () => {
  const first = await create();
  const second = await recoverServerIdentity({ chain: first.chain, recovery: first.recovery, nowMs });
  const pin = await verifyServerChain(second.chain);
  const replayed = await recoverServerIdentity({ chain: first.chain, recovery: first.recovery, nowMs });
  const outgrown = await recoverServerIdentity({ ...replayed, nowMs });
  for (const { chain } of [replayed, outgrown]) {
    const server = await verifyServerChain(chain);
    expect(() => compareWithPin(pin, server)).toThrow("server-forked");
  }
});

test("T5, T12: another server's chain, an older one and a fork are told apart", async () => {
  const keys = await create();
  const oldest = await verifyServerChain(keys.chain);
  const longer = await rotateServerIdentity({ ...keys, nowMs });
  const pin = await verifyServerChain(longer.chain);
  const fork = await verifyServerChain((await rotateServerIdentity({ ...keys, nowMs })).chain);
  const foreign = await verifyServerChain((await create()).chain);
  expect(compareWithPin(pin, pin)).toBe("same");
  expect(compareWithPin(oldest, pin)).toBe("follows");
  expect(() => compareWithPin(pin, oldest)).toThrow("server-rolled-back");
  expect(() => compareWithPin(pin, fork)).toThrow("server-forked");
  expect(() => compareWithPin(pin, foreign)).toThrow("server-changed");
});

test("entries out of place are refused, each with its own code", async () => {
  const keys = await create();
  const stranger = await create();
  const rotated = await rotateServerIdentity({ ...keys, nowMs });
  const server = await verifyServerChain(keys.chain);
  const [genesis, rotation] = rotated.chain as [Uint8Array, Uint8Array];
  const identity = await signerFromSeed(keys.identity);
  const meta = { type: "server-meta", body: { meta: server.meta }, nowMs } as const;
  const metaOn = (head: Partial<ReturnType<typeof headOf>>) =>
    makeEntry({ ...headOf(server), ...head }, meta, [identity]);
  const old = { ...(decodeChainEntry(await metaOn({})) as ChainEntry), timeMs: nowMs - 1 };
  const before = encodeChainEntry({
    ...old,
    signatures: [await identity.sign(signedBytes(old))],
  } as ChainEntry);
  const cases: [string, Uint8Array[]][] = [
    ["chain-genesis", []],
    ["chain-genesis", [rotation]],
    ["chain-seq", [genesis, rotation, rotation]],
    ["chain-subject", [genesis, genesis]],
    ["chain-subject", [stranger.chain[0]!, rotation]],
    ["chain-seq", [genesis, await metaOn({ length: 2 })]],
    ["chain-prev", [genesis, await metaOn({ head: ZERO_HASH })]],
    ["chain-time", [genesis, before]],
    ["chain-signature", [genesis, await makeEntry(headOf(server), meta, [])]],
    ["chain-signature", [genesis, await makeEntry(headOf(server), meta, [identity, identity])]],
    ["chain-signature", [genesis, await makeEntry(headOf(server), meta, [(await generateSigner()).signer])]],
  ];
  for (const [code, chain] of cases) expect(await codeOf(verifyServerChain(chain)), code).toBe(code);
});

test("reserved and foreign entry types have no place in a server chain", async () => {
  const keys = await create();
  const server = await verifyServerChain(keys.chain);
  const identity = await signerFromSeed(keys.identity);
  const release = {
    type: "web-release",
    body: { releaseName: "1", manifestHash: ZERO_HASH },
    nowMs,
  } as const;
  const close = { type: "account-close", body: { by: { kind: "root" } }, nowMs } as const;
  for (const content of [release, close]) {
    const entry = await makeEntry<"web-release" | "account-close">(headOf(server), content, [identity]);
    expect(await codeOf(verifyServerChain([...keys.chain, entry]))).toBe("chain-type");
  }
  expect(await codeOf(verifyServerChain([await makeEntry(NO_HEAD, release, [identity])]))).toBe(
    "chain-genesis",
  );
});

test("host names have one spelling", async () => {
  for (const hostName of [
    "Chat.example",
    "chat.example:443",
    "a b",
    "",
    "::1",
    "chat.example.",
    "bücher.example",
  ]) {
    expect(await codeOf(createServerIdentity({ nowMs, hostNames: [hostName] })), hostName).toBe("malformed");
  }
});

test("no bit of a chain can be changed", async () => {
  const keys = await create();
  const { chain } = await rotateServerIdentity({ ...keys, nowMs });
  const pin = await verifyServerChain(chain);
  await fc.assert(
    fc.asyncProperty(fc.nat(1), fc.nat(1e6), async (which, place) => {
      const entries = chain.map((entry) => entry.slice());
      const entry = entries[which]!;
      entry[(place >> 3) % entry.length]! ^= 1 << (place & 7);
      await expect(verifyServerChain(entries).then((server) => compareWithPin(pin, server))).rejects.toThrow(
        /chain-|malformed/,
      );
    }),
    { numRuns: 300 },
  );
});
