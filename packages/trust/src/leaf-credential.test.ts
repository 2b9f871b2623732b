import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import {
  appendAccountEntry,
  createAccount,
  makeAccountClose,
  rootAuthority,
  verifyAccountChain,
} from "./account-chain.ts";
import type { AccountState } from "./account-state.ts";
import { createLeafCredential, readLeafCredential, verifyLeafCredential } from "./leaf-credential.ts";
import { generateSigner, signerFromSeed } from "./signature.ts";

interface Vectors {
  readonly chain: string[];
  readonly nowMs: number;
  readonly leafKey: string;
  readonly valid: { name: string; identity: string; status: string; device: number }[];
  readonly invalid: { name: string; identity: string }[];
}
const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../../../vectors/trust/leaf-credentials.json", import.meta.url), "utf8"),
);
const leafKey = Uint8Array.fromHex(vectors.leafKey);
let account: AccountState;
beforeAll(async () => {
  const chain = vectors.chain.map((entry) => Uint8Array.fromHex(entry));
  account = await verifyAccountChain(chain, { nowMs: vectors.nowMs });
});

test.each(vectors.valid)("vector: $name", async ({ identity, status, device }) => {
  const verdict = await verifyLeafCredential(Uint8Array.fromHex(identity), leafKey, account);
  expect(verdict).toMatchObject({ status, device: { account: account.accountId, device } });
  const revokedAtMs = account.devices[device - 1]?.revokedAtMs;
  expect("revokedAtMs" in verdict ? verdict.revokedAtMs : undefined).toBe(revokedAtMs);
});

test.each(vectors.invalid)("vector: $name is no credential", async ({ identity }) => {
  await expect(verifyLeafCredential(Uint8Array.fromHex(identity), leafKey, account)).rejects.toMatchObject({
    name: "TrustError",
    code: "credential-invalid",
  });
});

test("the claim can be read before the account is known", async () => {
  const { signer } = await generateSigner();
  const device = { account: new Uint8Array(32).fill(3), device: 12 };
  const identity = await createLeafCredential(signer, device, leafKey);
  expect(identity).toHaveLength(1 + 36 + 64);
  const claim = readLeafCredential(identity);
  identity.fill(0);
  expect(claim.device).toEqual(device);
});

test("T0: a key that the server put in place of a device's is refused", async () => {
  const bob = await createAccount({ name: "bob", nowMs: 1 });
  const { signer: server } = await generateSigner();
  const { signer: leaf } = await generateSigner();
  const forged = await createLeafCredential(server, { account: bob.accountId, device: 1 }, leaf.publicKey);
  await expect(verifyLeafCredential(forged, leaf.publicKey, bob.state)).rejects.toThrow("credential-invalid");
  const own = await createLeafCredential(
    await signerFromSeed(bob.device),
    { account: bob.accountId, device: 1 },
    leaf.publicKey,
  );
  await expect(verifyLeafCredential(own, leaf.publicKey, bob.state)).resolves.toMatchObject({
    status: "live",
  });
  await expect(verifyLeafCredential(own, server.publicKey, bob.state)).rejects.toThrow("credential-invalid");
});

test("a closed account has no live leaves", async () => {
  const bob = await createAccount({ name: "bob", nowMs: 1 });
  const by = rootAuthority(await signerFromSeed(bob.root));
  const entry = await makeAccountClose({ state: bob.state, by, nowMs: 7 });
  const closed = await appendAccountEntry(bob.state, entry, { nowMs: 7 });
  const device = { account: bob.accountId, device: 1 };
  const identity = await createLeafCredential(await signerFromSeed(bob.device), device, leafKey);
  expect(await verifyLeafCredential(identity, leafKey, closed)).toEqual({
    status: "revoked",
    device,
    revokedAtMs: 7,
  });
});
