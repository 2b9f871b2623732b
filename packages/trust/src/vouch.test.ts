import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import type { NewAccount } from "./account-chain.ts";
import {
  appendAccountEntry,
  createAccount,
  deviceAuthority,
  makeDeviceAdd,
  makeDeviceRevoke,
  verifyAccountChain,
} from "./account-chain.ts";
import type { AccountState } from "./account-state.ts";
import type { Signer } from "./signature.ts";
import { generateSigner, signerFromSeed } from "./signature.ts";
import type { CheckMethod } from "./statement-ledger.ts";
import type { TrustSubject } from "./trust-subject.ts";
import type { VouchStatement } from "./vouch.ts";
import {
  createVouch,
  createVouchEnd,
  decodeVouch,
  encodeVouch,
  keepVouch,
  MAX_VOUCH_BYTES,
  MAX_VOUCH_LIFETIME_MS,
  MAX_VOUCHES_PER_ISSUER,
  verifyVouch,
} from "./vouch.ts";

const nowMs = 1_800_000_000_000;
const dayMs = 86_400_000;
const hash = (byte: number) => new Uint8Array(32).fill(byte);
const bo: TrustSubject = { kind: "account", id: hash(2) };

let ana: NewAccount;
let phone: Signer;
beforeAll(async () => {
  ana = await createAccount({ name: "ana", nowMs });
  phone = await signerFromSeed(ana.device);
});

const issuer = () => ({ account: ana.accountId, device: 1, signer: phone });
function vouchFor(
  subject: TrustSubject,
  { issuedAtMs = nowMs, lifetimeMs = dayMs, method = "qr" as CheckMethod } = {},
): Promise<Uint8Array> {
  return createVouch({
    issuer: issuer(),
    subject,
    head: hash(9),
    check: { method },
    nowMs: issuedAtMs,
    expiresAtMs: issuedAtMs + lifetimeMs,
  });
}

test("a vouch says who checked whom, how and until when, and verifies against its issuer's chain", async () => {
  const bytes = await vouchFor(bo, { method: "sas-voice" });
  expect(bytes.length).toBeLessThan(MAX_VOUCH_BYTES / 4);
  const statement = await verifyVouch(bytes, ana.state);
  expect(statement).toMatchObject({
    kind: "vouch",
    body: {
      issuer: { account: ana.accountId, device: 1 },
      subject: bo,
      head: hash(9),
      method: "sas-voice",
      issuedAtMs: nowMs,
      expiresAtMs: nowMs + dayMs,
    },
  });
  expect(encodeVouch(statement)).toEqual(bytes);
  await expect(
    createVouchEnd(issuer(), bo, nowMs).then((end) => verifyVouch(end, ana.state)),
  ).resolves.toMatchObject({
    kind: "end",
    body: { subject: bo },
  });
});

test("nobody vouches for whom they have not checked, nor for longer than a year", async () => {
  const options = { issuer: issuer(), subject: bo, head: hash(9), nowMs, expiresAtMs: nowMs + dayMs };
  await expect(createVouch({ ...options, check: undefined })).rejects.toThrow("vouch-unchecked");
  for (const lifetimeMs of [MAX_VOUCH_LIFETIME_MS + 1, 0, -1]) {
    await expect(vouchFor(bo, { lifetimeMs })).rejects.toThrow("vouch-lifetime");
  }
  await expect(vouchFor(bo, { lifetimeMs: MAX_VOUCH_LIFETIME_MS })).resolves.toBeDefined();
});

test("a foreign or changed signature, another account's chain, an unknown device: nothing is believed", async () => {
  const bytes = await vouchFor(bo);
  const other = await createAccount({ name: "cy", nowMs });
  await expect(verifyVouch(bytes, other.state)).rejects.toThrow("vouch-signature");
  const value = decodeVouch(bytes) as VouchStatement & { kind: "vouch" };
  const changes: Partial<typeof value.body>[] = [
    { subject: { kind: "server", id: hash(2) } },
    { subject: { kind: "account", id: hash(3) } },
    { head: hash(8) },
    { method: "paper" },
    { expiresAtMs: value.body.expiresAtMs + 1 },
    { issuer: { account: ana.accountId, device: 2 } },
  ];
  for (const change of changes) {
    const forged = encodeVouch({ ...value, body: { ...value.body, ...change } });
    await expect(verifyVouch(forged, ana.state)).rejects.toThrow("vouch-signature");
  }
  const end = encodeVouch({
    kind: "end",
    body: { issuer: value.body.issuer, subject: bo, issuedAtMs: nowMs },
    signature: value.signature,
  });
  await expect(verifyVouch(end, ana.state)).rejects.toThrow("vouch-signature");
});

test("nobody vouches in the name of another account", async () => {
  const body = {
    issuer: { ...issuer(), account: hash(5) },
    subject: bo,
    head: hash(9),
    check: { method: "qr" },
    nowMs,
    expiresAtMs: nowMs + dayMs,
  } as const;
  await expect(verifyVouch(await createVouch(body), ana.state)).rejects.toThrow("vouch-signature");
});

test("a revoked device vouches for nobody, but may still end what it began", async () => {
  const laptop = (await generateSigner()).signer;
  const by = deviceAuthority(1, phone);
  const add = await makeDeviceAdd({ state: ana.state, by, device: laptop, nowMs });
  let state: AccountState = await appendAccountEntry(ana.state, add, { nowMs });
  const from = { account: ana.accountId, device: 2, signer: laptop };
  const vouch = await createVouch({
    issuer: from,
    subject: bo,
    head: hash(9),
    check: { method: "qr" },
    nowMs,
    expiresAtMs: nowMs + dayMs,
  });
  const end = await createVouchEnd(from, bo, nowMs);
  await expect(verifyVouch(vouch, state)).resolves.toBeDefined();
  const revoke = await makeDeviceRevoke({ state, by, device: 2, reason: "stolen", nowMs });
  state = await appendAccountEntry(state, revoke, { nowMs });
  await expect(verifyVouch(vouch, state)).rejects.toThrow("vouch-signature");
  await expect(verifyVouch(end, state)).resolves.toMatchObject({ kind: "end" });
});

test("what is too large or no statement is malformed", () => {
  for (const bytes of [new Uint8Array(), Uint8Array.of(9), new Uint8Array(MAX_VOUCH_BYTES + 1)]) {
    expect(() => decodeVouch(bytes)).toThrow("malformed");
  }
});

test("of one issuer about one subject the newest is kept, and an end outlives an older vouch played again", async () => {
  const read = async (bytes: Promise<Uint8Array>) => verifyVouch(await bytes, ana.state);
  const old = await read(vouchFor(bo));
  const end = await read(createVouchEnd(issuer(), bo, nowMs));
  const fresh = await read(vouchFor(bo, { issuedAtMs: nowMs + 1 }));
  let { kept } = keepVouch([], old, nowMs);
  expect(keepVouch(kept, old, nowMs)).toEqual({ kept, outcome: "older" });
  ({ kept } = keepVouch(kept, end, nowMs));
  expect(kept).toEqual([end]);
  expect(keepVouch(kept, old, nowMs).outcome).toBe("older");
  expect(keepVouch(kept, fresh, nowMs)).toEqual({ kept: [fresh], outcome: "kept" });
  const early = await read(vouchFor(bo, { issuedAtMs: nowMs + dayMs }));
  expect(keepVouch([old], early, nowMs)).toEqual({ kept: [old], outcome: "early" });
  const earlyEnd = await read(createVouchEnd(issuer(), bo, nowMs + dayMs));
  expect(keepVouch([old], earlyEnd, nowMs)).toEqual({ kept: [earlyEnd], outcome: "kept" });
});

test("an issuer has room for 64 accounts and 64 servers, not more", async () => {
  const body = decodeVouch(await vouchFor(bo)) as VouchStatement & { kind: "vouch" };
  const about = (kind: "account" | "server", byte: number, account = ana.accountId): VouchStatement => ({
    ...body,
    body: { ...body.body, issuer: { account, device: 1 }, subject: { kind, id: hash(byte) } },
  });
  let kept: readonly VouchStatement[] = [];
  for (let byte = 0; byte < MAX_VOUCHES_PER_ISSUER; byte++)
    ({ kept } = keepVouch(kept, about("account", byte), nowMs));
  expect(kept).toHaveLength(MAX_VOUCHES_PER_ISSUER);
  expect(keepVouch(kept, about("account", 200), nowMs)).toEqual({ kept, outcome: "full" });
  expect(keepVouch(kept, about("account", 5), nowMs).outcome).toBe("older");
  expect(keepVouch(kept, about("server", 200), nowMs).outcome).toBe("kept");
  expect(keepVouch(kept, about("account", 200, hash(77)), nowMs).outcome).toBe("kept");
});

interface Vectors {
  readonly chain: string[];
  readonly valid: {
    readonly name: string;
    readonly statement: string;
    readonly kind: string;
    readonly method?: string;
  }[];
  readonly invalid: { readonly name: string; readonly statement: string; readonly code: string }[];
}
const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../../../vectors/trust/vouches.json", import.meta.url), "utf8"),
);
const vectorIssuer = () =>
  verifyAccountChain(
    vectors.chain.map((entry) => Uint8Array.fromHex(entry)),
    { nowMs },
  );

test.each(vectors.valid)("vector: $name", async ({ statement, kind, method }) => {
  const value = await verifyVouch(Uint8Array.fromHex(statement), await vectorIssuer());
  expect(value.kind).toBe(kind);
  if (value.kind === "vouch") expect(value.body.method).toBe(method);
});

test.each(vectors.invalid)("vector: $name is $code", async ({ statement, code }) => {
  await expect(verifyVouch(Uint8Array.fromHex(statement), await vectorIssuer())).rejects.toMatchObject({
    code,
  });
});
