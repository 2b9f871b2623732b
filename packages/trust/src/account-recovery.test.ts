import { beforeAll, expect, test } from "vitest";
import type { NewAccount } from "./account-chain.ts";
import {
  appendAccountEntry,
  createAccount,
  deviceAuthority,
  makeAccountClose,
  makeAccountRecover,
  makeAccountRotate,
  makeAccountVeto,
  makeDeviceAdd,
  makeDeviceRevoke,
  recoveryAuthority,
  rootAuthority,
  verifyAccountChain,
} from "./account-chain.ts";
import type { AccountState } from "./account-state.ts";
import { headOf, RECOVERY_DELAY_MS, settleAccount } from "./account-state.ts";
import { makeEntry } from "./chain-link.ts";
import type { Signer } from "./signature.ts";
import { generateSigner, signerFromSeed } from "./signature.ts";

const HOUR_MS = 3_600_000;
const startMs = 1_800_000_000_000;
const codeOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => "accepted",
    (error) => error.code as string,
  );

let ana: NewAccount;
let words: Signer;
let phone: Signer;
let fresh: Signer;
let chain: Uint8Array[];
let state: AccountState;
let newRoot: Signer;
beforeAll(async () => {
  ana = await createAccount({ name: "ana", nowMs: startMs });
  words = await signerFromSeed(ana.recovery);
  phone = await signerFromSeed(ana.device);
  fresh = (await generateSigner()).signer;
  const recovery = await makeAccountRecover({ state: ana.state, recovery: words, nowMs: startMs });
  newRoot = await signerFromSeed(recovery.root);
  chain = [...ana.chain, recovery.entry];
  state = await appendAccountEntry(ana.state, recovery.entry, { nowMs: startMs });
});

const addBy = (from: AccountState, root: Signer, nowMs: number) =>
  makeDeviceAdd({ state: from, by: rootAuthority(root), device: fresh, nowMs });

test("a recovery takes effect after 72 hours, not before", async () => {
  const dueMs = startMs + RECOVERY_DELAY_MS;
  expect(state.pendingRecovery?.effectiveAtMs).toBe(dueMs);
  expect(settleAccount(state, dueMs - 1).rootKey).toEqual(ana.state.rootKey);
  const settled = settleAccount(state, dueMs);
  expect(settled).toMatchObject({ rootKey: newRoot.publicKey, recoveredAtMs: dueMs });
  expect(settled.pendingRecovery).toBeUndefined();

  const early = await addBy(state, newRoot, dueMs - 1);
  const due = await addBy(state, newRoot, dueMs);
  expect(await codeOf(appendAccountEntry(state, early, { nowMs: dueMs }))).toBe("chain-frozen");
  const added = await appendAccountEntry(state, due, { nowMs: dueMs });
  expect(added.devices).toHaveLength(2);
  expect(await verifyAccountChain([...chain, due], { nowMs: dueMs })).toEqual(added);
});

test("a recovery that claims to be old waits from when it was seen", async () => {
  const seenMs = startMs + 30 * 24 * HOUR_MS;
  const backdated = await appendAccountEntry(ana.state, chain[2]!, { nowMs: seenMs });
  expect(backdated.pendingRecovery?.effectiveAtMs).toBe(seenMs + RECOVERY_DELAY_MS);
  const add = await addBy(backdated, newRoot, seenMs);
  expect(await codeOf(appendAccountEntry(backdated, add, { nowMs: seenMs }))).toBe("chain-frozen");
});

test("nobody jumps the delay by signing in the future", async () => {
  const add = await addBy(state, newRoot, startMs + RECOVERY_DELAY_MS);
  expect(await codeOf(verifyAccountChain([...chain, add], { nowMs: startMs + HOUR_MS }))).toBe("chain-time");
});

test("while a recovery is pending no key is added, but devices can be revoked from both sides", async () => {
  const nowMs = startMs + HOUR_MS;
  const root = await signerFromSeed(ana.root);
  const frozen = [
    await addBy(state, root, nowMs),
    await addBy(state, newRoot, nowMs),
    await makeDeviceAdd({ state, by: recoveryAuthority(words), device: fresh, nowMs }),
    (await makeAccountRotate({ state, root, next: await signerFromSeed(ana.next), nowMs })).entry,
    (await makeAccountRecover({ state, recovery: words, nowMs })).entry,
    await makeAccountClose({ state, by: rootAuthority(root), nowMs }),
  ];
  for (const entry of frozen)
    expect(await codeOf(appendAccountEntry(state, entry, { nowMs }))).toBe("chain-frozen");
  for (const by of [deviceAuthority(1, phone), recoveryAuthority(words), rootAuthority(root)]) {
    const entry = await makeDeviceRevoke({ state, by, device: 1, nowMs });
    expect(await codeOf(appendAccountEntry(state, entry, { nowMs }))).toBe("accepted");
  }
});

test("with a live device that agrees it takes effect at once", async () => {
  const agreedBy = { device: 1, signer: phone };
  const { entry, root } = await makeAccountRecover({
    state: ana.state,
    recovery: words,
    agreedBy,
    nowMs: startMs,
  });
  const recovered = await appendAccountEntry(ana.state, entry, { nowMs: startMs });
  expect(recovered.pendingRecovery).toBeUndefined();
  expect(recovered.recoveredAtMs).toBe(startMs);
  expect(recovered.rootKey).toEqual((await signerFromSeed(root)).publicKey);

  const forged = { device: 1, signer: fresh };
  const lie = await makeAccountRecover({
    state: ana.state,
    recovery: words,
    agreedBy: forged,
    nowMs: startMs,
  });
  expect(await codeOf(appendAccountEntry(ana.state, lie.entry, { nowMs: startMs }))).toBe("chain-signature");
});

test("a device that the words brought in cannot agree or veto, nor can one that it added", async () => {
  const nowMs = startMs;
  const guest = (await generateSigner()).signer;
  const byWords = { state: ana.state, by: recoveryAuthority(words), device: fresh, nowMs };
  let tainted = await appendAccountEntry(ana.state, await makeDeviceAdd(byWords), { nowMs });
  const byFresh = { state: tainted, by: deviceAuthority(2, fresh), device: guest, nowMs };
  tainted = await appendAccountEntry(tainted, await makeDeviceAdd(byFresh), { nowMs });
  expect(tainted.devices.map(({ fromWords }) => fromWords)).toEqual([false, true, true]);
  for (const agreedBy of [
    { device: 2, signer: fresh },
    { device: 3, signer: guest },
  ]) {
    const { entry } = await makeAccountRecover({ state: tainted, recovery: words, agreedBy, nowMs });
    expect(await codeOf(appendAccountEntry(tainted, entry, { nowMs }))).toBe("chain-authority");
  }
  const { entry } = await makeAccountRecover({ state: tainted, recovery: words, nowMs });
  const pending = await appendAccountEntry(tainted, entry, { nowMs });
  const veto = await makeAccountVeto({ state: pending, device: 3, signer: guest, nowMs });
  expect(await codeOf(appendAccountEntry(pending, veto, { nowMs }))).toBe("chain-authority");
});

test("only the committed recovery key recovers", async () => {
  const { entry } = await makeAccountRecover({ state: ana.state, recovery: fresh, nowMs: startMs });
  expect(await codeOf(appendAccountEntry(ana.state, entry, { nowMs: startMs }))).toBe("chain-authority");
  const settled = settleAccount(state, startMs + RECOVERY_DELAY_MS);
  const again = await makeAccountRecover({
    state: settled,
    recovery: words,
    nowMs: startMs + RECOVERY_DELAY_MS,
  });
  const arrival = { nowMs: startMs + RECOVERY_DELAY_MS };
  expect(await codeOf(appendAccountEntry(settled, again.entry, arrival))).toBe("chain-authority");
});

test("T20: a veto makes the account contested: no keys for either side, revoking still works", async () => {
  const nowMs = startMs + HOUR_MS;
  const veto = await makeAccountVeto({ state, device: 1, signer: phone, nowMs });
  const contested = await appendAccountEntry(state, veto, { nowMs });
  expect(contested.status).toBe("contested");
  const laterMs = startMs + 2 * RECOVERY_DELAY_MS;
  expect(settleAccount(contested, laterMs).rootKey).toEqual(ana.state.rootKey);
  const root = await signerFromSeed(ana.root);
  for (const signer of [root, newRoot]) {
    const add = await addBy(contested, signer, laterMs);
    expect(await codeOf(appendAccountEntry(contested, add, { nowMs: laterMs }))).toBe("chain-frozen");
  }
  const revoke = await makeDeviceRevoke({ state: contested, by: recoveryAuthority(words), device: 1, nowMs });
  const revoked = await appendAccountEntry(contested, revoke, { nowMs });
  expect(revoked.devices[0]?.revokedAtMs).toBe(nowMs);
  expect(revoked.status).toBe("contested");
  expect(await verifyAccountChain([...chain, veto, revoke], { nowMs: laterMs })).toEqual(revoked);
});

test("a veto comes too late after 72 hours, and must be about this recovery by a device of this account", async () => {
  const lateMs = startMs + RECOVERY_DELAY_MS;
  const late = await makeAccountVeto({ state, device: 1, signer: phone, nowMs: lateMs });
  expect(await codeOf(appendAccountEntry(state, late, { nowMs: lateMs }))).toBe("chain-type");
  const arrival = { nowMs: startMs };
  const unknown = await makeAccountVeto({ state, device: 2, signer: phone, nowMs: startMs });
  const forged = await makeAccountVeto({ state, device: 1, signer: fresh, nowMs: startMs });
  const body = { device: 1, recovery: ana.accountId };
  const other = await makeEntry(headOf(state), { type: "account-veto", body, nowMs: startMs }, [phone]);
  expect(await codeOf(appendAccountEntry(state, unknown, arrival))).toBe("chain-authority");
  expect(await codeOf(appendAccountEntry(state, forged, arrival))).toBe("chain-signature");
  expect(await codeOf(appendAccountEntry(state, other, arrival))).toBe("chain-type");
  await expect(makeAccountVeto({ state: ana.state, device: 1, signer: phone, nowMs: 0 })).rejects.toThrow(
    "chain-type",
  );
});

test("a thief of the words cannot revoke the veto away", async () => {
  const revokeThenRecover = async (waitMs: number) => {
    const nowMs = startMs + HOUR_MS;
    const by = recoveryAuthority(words);
    const revoke = await makeDeviceRevoke({ state: ana.state, by, device: 1, nowMs });
    const revoked = await appendAccountEntry(ana.state, revoke, { nowMs });
    const { entry } = await makeAccountRecover({ state: revoked, recovery: words, nowMs: nowMs + waitMs });
    const pending = await appendAccountEntry(revoked, entry, { nowMs: nowMs + waitMs });
    const veto = await makeAccountVeto({ state: pending, device: 1, signer: phone, nowMs: nowMs + waitMs });
    return appendAccountEntry(pending, veto, { nowMs: nowMs + waitMs });
  };
  expect((await revokeThenRecover(RECOVERY_DELAY_MS)).status).toBe("contested");
  expect(await codeOf(revokeThenRecover(RECOVERY_DELAY_MS + 1))).toBe("chain-authority");
});
