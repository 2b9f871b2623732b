import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { inviteSecretHash, inviteToken, inviteTokenHash, joinMac, verifyJoinMac } from "./join-proof.ts";
import { Secret } from "./secret.ts";

interface Vector {
  readonly secret: string;
  readonly account: string;
  readonly deviceKey: string;
  readonly serverId: string;
  readonly token: string;
  readonly secretHash: string;
  readonly mac: string;
  readonly macWithCheckpoint: string;
  readonly checkpoint: { size: number; root: string };
}
const [vector] = JSON.parse(
  readFileSync(new URL("../../../vectors/trust/join-proofs.json", import.meta.url), "utf8"),
) as [Vector];
const secret = new Secret(Uint8Array.fromHex(vector.secret));
const proof = {
  secret,
  account: Uint8Array.fromHex(vector.account),
  deviceKey: Uint8Array.fromHex(vector.deviceKey),
  serverId: Uint8Array.fromHex(vector.serverId),
};
const checkpoint = { size: vector.checkpoint.size, root: Uint8Array.fromHex(vector.checkpoint.root) };

test("the vector", () => {
  expect(inviteToken(secret).toHex()).toBe(vector.token);
  expect(inviteSecretHash(secret).toHex()).toBe(vector.secretHash);
  expect(joinMac(proof).toHex()).toBe(vector.mac);
  expect(joinMac({ ...proof, checkpoint }).toHex()).toBe(vector.macWithCheckpoint);
});

test("the relay recognises the token, which tells it neither the secret nor the MAC", () => {
  const token = inviteToken(secret);
  expect(inviteTokenHash(token)).toEqual(inviteSecretHash(secret));
  expect(token).not.toEqual(secret.expose());
  expect(joinMac({ ...proof, secret: new Secret(token) })).not.toEqual(joinMac(proof));
});

test("T16: a MAC holds for one secret, account, device, server and view of the log", () => {
  const mac = joinMac(proof);
  const other = new Uint8Array(32).fill(1);
  expect(verifyJoinMac(proof, mac)).toBe(true);
  expect(verifyJoinMac({ ...proof, secret: Secret.random(32) }, mac)).toBe(false);
  expect(verifyJoinMac({ ...proof, account: other }, mac)).toBe(false);
  expect(verifyJoinMac({ ...proof, deviceKey: other }, mac)).toBe(false);
  expect(verifyJoinMac({ ...proof, serverId: other }, mac)).toBe(false);
  expect(verifyJoinMac({ ...proof, checkpoint }, mac)).toBe(false);
  expect(verifyJoinMac(proof, mac.subarray(1))).toBe(false);
  expect(verifyJoinMac(proof, new Uint8Array(32))).toBe(false);
});
