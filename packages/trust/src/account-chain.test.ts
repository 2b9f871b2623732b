import { readFileSync } from "node:fs";
import { LIMITS } from "@parley/protocol";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { NewAccount } from "./account-chain.ts";
import {
  appendAccountEntry,
  certifierAuthority,
  createAccount,
  deviceAuthority,
  hasName,
  makeAccountClose,
  makeAccountRotate,
  makeAttest,
  makeAttestRevoke,
  makeDeviceAdd,
  makeDeviceRevoke,
  makeHandleRelease,
  makeHandleSet,
  recoveryAuthority,
  rootAuthority,
  verifyAccountChain,
} from "./account-chain.ts";
import type { AccountState } from "./account-state.ts";
import { headOf, liveDevices } from "./account-state.ts";
import type { ChainEntry } from "./chain-entry.ts";
import { decodeChainEntry, encodeChainEntry, ZERO_HASH } from "./chain-entry.ts";
import { CLOCK_SKEW_MS, makeEntry, NO_HEAD } from "./chain-link.ts";
import type { Signer } from "./signature.ts";
import { generateSigner, signerFromSeed } from "./signature.ts";

const nowMs = 1_800_000_000_000;
const codeOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => "accepted",
    (error) => error.code as string,
  );
const append = (state: AccountState, entry: Uint8Array) => appendAccountEntry(state, entry, { nowMs });

let ana: NewAccount;
let root: Signer;
let phone: Signer;
let laptop: Signer;
let stranger: Signer;
beforeAll(async () => {
  ana = await createAccount({ name: "ana", nowMs, deviceLabel: "phone" });
  root = await signerFromSeed(ana.root);
  phone = await signerFromSeed(ana.device);
  laptop = (await generateSigner()).signer;
  stranger = (await generateSigner()).signer;
});

interface Vectors {
  readonly nowMs: number;
  readonly valid: {
    name: string;
    chain: string[];
    handle: string;
    opening: string;
    accountId: string;
    live: number[];
  }[];
  readonly invalid: { name: string; chain: string[]; code: string }[];
}
const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../../../vectors/trust/account-chains.json", import.meta.url), "utf8"),
);
const unhex = (chain: string[]) => chain.map((entry) => Uint8Array.fromHex(entry));

test.each(vectors.valid)("vector: $name", async ({ chain, handle, opening, accountId, live }) => {
  const context = { nowMs: vectors.nowMs, name: handle, nameOpening: Uint8Array.fromHex(opening) };
  const state = await verifyAccountChain(unhex(chain), context);
  expect(state.accountId.toHex()).toBe(accountId);
  expect(liveDevices(state).map(({ number }) => number)).toEqual(live);
});

test.each(vectors.invalid)("vector: $name is $code", async ({ chain, code }) => {
  expect(await codeOf(verifyAccountChain(unhex(chain), { nowMs: vectors.nowMs }))).toBe(code);
});

test("a new account has one admin device and the name it claims", async () => {
  const state = await verifyAccountChain(ana.chain, { nowMs, name: "ana", nameOpening: ana.nameOpening });
  expect(state).toEqual(ana.state);
  expect(state.devices).toEqual([
    {
      number: 1,
      publicKey: phone.publicKey,
      addedAtMs: nowMs,
      addedBy: { kind: "root" },
      admin: true,
      fromWords: false,
      label: "phone",
    },
  ]);
  expect([state.status, state.length]).toEqual(["open", 2]);
});

test("a name is only shown by its opening", async () => {
  const verify = (name: string, nameOpening?: Uint8Array) =>
    codeOf(verifyAccountChain(ana.chain, nameOpening ? { nowMs, name, nameOpening } : { nowMs, name }));
  expect(await verify("ana", ana.nameOpening)).toBe("accepted");
  expect(await verify("bob", ana.nameOpening)).toBe("name-mismatch");
  expect(await verify("ana", new Uint8Array(32))).toBe("name-mismatch");
  expect(await verify("ana", ana.nameOpening.subarray(1))).toBe("name-mismatch");
  expect(await verify("ana")).toBe("name-mismatch");
  expect(await codeOf(createAccount({ name: "Ana", nowMs }))).toBe("malformed");
});

test("devices come and go: added by a device, by the root, by the words; revoked by any of them", async () => {
  const by = deviceAuthority(1, phone);
  const two = await append(ana.state, await makeDeviceAdd({ state: ana.state, by, device: laptop, nowMs }));
  const words = recoveryAuthority(await signerFromSeed(ana.recovery));
  const three = await append(
    two,
    await makeDeviceAdd({ state: two, by: words, device: stranger, nowMs, label: "new" }),
  );
  expect(three.devices.map(({ fromWords }) => fromWords)).toEqual([false, false, true]);
  expect(liveDevices(three).map(({ number }) => number)).toEqual([1, 2, 3]);

  const revoke = (state: AccountState, byWhom: typeof by, device: number) =>
    makeDeviceRevoke({ state, by: byWhom, device, reason: "lost", nowMs }).then((entry) =>
      append(state, entry),
    );
  let state = await revoke(three, deviceAuthority(2, laptop), 1);
  state = await revoke(state, rootAuthority(root), 2);
  state = await revoke(state, words, 3);
  expect(liveDevices(state)).toEqual([]);
  expect(state.devices[0]).toMatchObject({ revokedAtMs: nowMs, revocationReason: "lost" });
  expect(await codeOf(revoke(state, words, 3))).toBe("chain-device");
  expect(await codeOf(revoke(state, by, 1))).toBe("chain-authority");
});

test("an account has at most eight live devices, and revoking makes room", async () => {
  let { state } = ana;
  const add = async () => {
    const { signer } = await generateSigner();
    return append(state, await makeDeviceAdd({ state, by: rootAuthority(root), device: signer, nowMs }));
  };
  while (liveDevices(state).length < LIMITS.devicesPerAccount) state = await add();
  expect(await codeOf(add())).toBe("chain-device-limit");
  const revocation = await makeDeviceRevoke({ state, by: rootAuthority(root), device: 5, nowMs });
  state = await append(state, revocation);
  state = await add();
  expect(liveDevices(state).map(({ number }) => number)).toEqual([1, 2, 3, 4, 6, 7, 8, 9]);
});

describe("T8: a server cannot add a device to an account", () => {
  const forge = async (changes: {
    by?: ChainEntry["body"];
    signers: readonly Signer[];
    head?: Partial<ReturnType<typeof headOf>>;
    body?: object;
  }) => {
    const body = {
      by: { kind: "root" as const },
      device: 2,
      deviceKey: stranger.publicKey,
      admin: true,
      label: undefined,
      ...changes.body,
    };
    const head = { ...headOf(ana.state), ...changes.head };
    return append(ana.state, await makeEntry(head, { type: "device-add", body, nowMs }, changes.signers));
  };

  test("without both signatures, in this order", async () => {
    for (const signers of [
      [],
      [stranger],
      [root],
      [stranger, stranger],
      [stranger, root],
      [root, stranger, root],
    ]) {
      expect(await codeOf(forge({ signers }))).toBe("chain-signature");
    }
    expect(await codeOf(forge({ signers: [root, stranger] }))).toBe("accepted");
  });

  test("under its own key, or on the word of a device that may not", async () => {
    const by = (authority: object) => ({ body: { by: authority } });
    const key = stranger.publicKey;
    expect(await codeOf(forge({ ...by({ kind: "device", device: 1 }), signers: [root, stranger] }))).toBe(
      "chain-signature",
    );
    expect(await codeOf(forge({ ...by({ kind: "device", device: 2 }), signers: [stranger, stranger] }))).toBe(
      "chain-authority",
    );
    expect(await codeOf(forge({ ...by({ kind: "device", device: 0 }), signers: [stranger, stranger] }))).toBe(
      "chain-authority",
    );
    expect(await codeOf(forge({ ...by({ kind: "recovery", key }), signers: [stranger, stranger] }))).toBe(
      "chain-authority",
    );
    expect(await codeOf(forge({ ...by({ kind: "certifier", key }), signers: [stranger, stranger] }))).toBe(
      "chain-authority",
    );
  });

  test("by swapping prev, seq, subject or time", async () => {
    const signers = [root, stranger];
    expect(await codeOf(forge({ signers, head: { head: ana.state.accountId } }))).toBe("chain-prev");
    expect(await codeOf(forge({ signers, head: { length: 1 } }))).toBe("chain-seq");
    expect(await codeOf(forge({ signers, head: { length: 3 } }))).toBe("chain-seq");
    expect(await codeOf(forge({ signers, head: { subject: ZERO_HASH } }))).toBe("chain-subject");
    expect(await codeOf(forge({ signers, head: { headTimeMs: nowMs + CLOCK_SKEW_MS + 1 } }))).toBe(
      "chain-time",
    );
  });

  test("by playing an old entry again, whole or with its place rewritten", async () => {
    const by = rootAuthority(root);
    const add = await makeDeviceAdd({ state: ana.state, by, device: laptop, nowMs });
    const added = await append(ana.state, add);
    const state = await append(added, await makeDeviceRevoke({ state: added, by, device: 2, nowMs }));
    expect(await codeOf(append(state, add))).toBe("chain-seq");
    const moved = { ...decodeChainEntry(add), seq: state.length, prev: state.head } as ChainEntry;
    expect(await codeOf(append(state, encodeChainEntry(moved)))).toBe("chain-device");
    const renumbered = { ...moved, body: { ...moved.body, device: 3 } } as ChainEntry;
    expect(await codeOf(append(state, encodeChainEntry(renumbered)))).toBe("chain-device");
  });

  test("by using a number or a key twice", async () => {
    expect(await codeOf(forge({ body: { device: 1 }, signers: [root, stranger] }))).toBe("chain-device");
    expect(await codeOf(forge({ body: { device: 3 }, signers: [root, stranger] }))).toBe("chain-device");
    expect(await codeOf(forge({ body: { deviceKey: phone.publicKey }, signers: [root, phone] }))).toBe(
      "chain-device",
    );
    expect(await codeOf(forge({ body: { deviceKey: root.publicKey }, signers: [root, root] }))).toBe(
      "chain-device",
    );
  });

  test("by handing out another account in place of this one", async () => {
    const fake = await createAccount({ name: "ana", nowMs });
    const [, add] = fake.chain as [Uint8Array, Uint8Array];
    expect(await codeOf(verifyAccountChain([ana.chain[0]!, add], { nowMs }))).toBe("chain-subject");
    expect(fake.accountId).not.toEqual(ana.accountId);
  });

  test("by changing any bit", async () => {
    const two = await makeDeviceAdd({
      state: ana.state,
      by: deviceAuthority(1, phone),
      device: laptop,
      nowMs,
    });
    const chain = [...ana.chain, two];
    await fc.assert(
      fc.asyncProperty(fc.nat(2), fc.nat(1e6), async (which, place) => {
        const entries = chain.map((entry) => entry.slice());
        const entry = entries[which]!;
        entry[(place >> 3) % entry.length]! ^= 1 << (place & 7);
        expect(await codeOf(verifyAccountChain(entries, { nowMs }))).toMatch(/^(chain-|malformed)/);
      }),
      { numRuns: 300 },
    );
  });
});

test("a device that is no admin changes nothing", async () => {
  const add = await makeDeviceAdd({
    state: ana.state,
    by: rootAuthority(root),
    device: laptop,
    admin: false,
    nowMs,
  });
  const state = await append(ana.state, add);
  const by = deviceAuthority(2, laptop);
  const options = { state, by, nowMs };
  const attempts = [
    await makeDeviceAdd({ ...options, device: stranger }),
    await makeDeviceRevoke({ ...options, device: 1 }),
    (await makeHandleSet({ ...options, name: "eve" })).entry,
    await makeHandleRelease(options),
    await makeAccountClose(options),
    await makeAttest({ ...options, certifier: stranger, certificate: new Uint8Array(3) }),
  ];
  for (const entry of attempts) expect(await codeOf(append(state, entry))).toBe("chain-authority");
});

test("the root rotates to the key it committed to, and to no other", async () => {
  const next = await signerFromSeed(ana.next);
  const rotate = (by: Signer, to: Signer) =>
    makeAccountRotate({ state: ana.state, root: by, next: to, nowMs });
  expect(await codeOf(append(ana.state, (await rotate(root, stranger)).entry))).toBe("chain-authority");
  expect(await codeOf(append(ana.state, (await rotate(stranger, next)).entry))).toBe("chain-signature");
  const { entry } = await rotate(root, next);
  const state = await append(ana.state, entry);
  expect(state.rootKey).toEqual(next.publicKey);
  const byOld = await makeDeviceAdd({ state, by: rootAuthority(root), device: laptop, nowMs });
  const byNew = await makeDeviceAdd({ state, by: rootAuthority(next), device: laptop, nowMs });
  expect(await codeOf(append(state, byOld))).toBe("chain-signature");
  expect(await codeOf(append(state, byNew))).toBe("accepted");
});

test("a name is released, and another one set", async () => {
  const by = deviceAuthority(1, phone);
  const released = await append(ana.state, await makeHandleRelease({ state: ana.state, by, nowMs }));
  expect(hasName(released, "ana", ana.nameOpening)).toBe(false);
  const { entry, nameOpening } = await makeHandleSet({ state: released, by, name: "ana.b", nowMs });
  const renamed = await append(released, entry);
  expect(hasName(renamed, "ana.b", nameOpening)).toBe(true);
  await expect(makeHandleSet({ state: released, by, name: "ANA", nowMs })).rejects.toThrow("malformed");
});

test("the reserved label must be zero", async () => {
  const handle = { commitment: ZERO_HASH, label: new Uint8Array(32).fill(1) };
  const content = { type: "handle-set", body: { by: { kind: "root" as const }, handle }, nowMs } as const;
  expect(await codeOf(append(ana.state, await makeEntry(headOf(ana.state), content, [root])))).toBe(
    "malformed",
  );
});

test("nothing follows a closed account", async () => {
  const by = rootAuthority(root);
  const state = await append(ana.state, await makeAccountClose({ state: ana.state, by, nowMs }));
  expect(state.status).toBe("closed");
  expect(await codeOf(append(state, await makeDeviceRevoke({ state, by, device: 1, nowMs })))).toBe(
    "chain-frozen",
  );
});

test("an organisation attests, and it or the account takes that back, nobody else", async () => {
  const certifier = (await generateSigner()).signer;
  const certificate = Uint8Array.of(0x30, 0x00);
  const by = deviceAuthority(1, phone);
  const attest = await makeAttest({ state: ana.state, by, certifier, certificate, nowMs });
  const state = await append(ana.state, attest);
  expect(state.attestations).toEqual([
    { entryHash: state.head, certifierKey: certifier.publicKey, certificate, attestedAtMs: nowMs },
  ]);
  const revokeBy = (authority: typeof by, attestation = state.head) =>
    makeAttestRevoke({ state, by: authority, attestation, nowMs }).then((entry) => append(state, entry));
  expect((await revokeBy(certifierAuthority(certifier))).attestations).toEqual([]);
  expect((await revokeBy(rootAuthority(root))).attestations).toEqual([]);
  expect(await codeOf(revokeBy(certifierAuthority(stranger)))).toBe("chain-authority");
  expect(await codeOf(revokeBy(by, ZERO_HASH))).toBe("chain-type");
});

test("a relay lets nobody write into the past", async () => {
  const entry = await makeDeviceAdd({ state: ana.state, by: rootAuthority(root), device: laptop, nowMs });
  const late = { nowMs: nowMs + CLOCK_SKEW_MS + 1, maxAgeMs: CLOCK_SKEW_MS };
  expect(await codeOf(appendAccountEntry(ana.state, entry, late))).toBe("chain-time");
  expect(await codeOf(appendAccountEntry(ana.state, entry, { ...late, nowMs: late.nowMs - 1 }))).toBe(
    "accepted",
  );
});

test("an account chain begins with an account, and is an account's to the end", async () => {
  const release = {
    type: "web-release",
    body: { releaseName: "1", manifestHash: ZERO_HASH },
    nowMs,
  } as const;
  expect(await codeOf(verifyAccountChain([], { nowMs }))).toBe("chain-genesis");
  expect(await codeOf(verifyAccountChain([await makeEntry(NO_HEAD, release, [root])], { nowMs }))).toBe(
    "chain-genesis",
  );
  const foreign = await makeEntry(headOf(ana.state), release, [root]);
  expect(await codeOf(append(ana.state, foreign))).toBe("chain-type");
});

test("the state does not share memory with the frame it came from", async () => {
  const frame = ana.chain.map((entry) => entry.slice());
  const state = await verifyAccountChain(frame, { nowMs });
  for (const entry of frame) entry.fill(0);
  expect(state).toEqual(ana.state);
});
