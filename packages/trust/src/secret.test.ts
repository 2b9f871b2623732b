import { inspect } from "node:util";
import { expect, test } from "vitest";
import { createAccount } from "./account-chain.ts";
import { TrustError } from "./errors.ts";
import { formatInviteLink, parseInviteLink } from "./invite-link.ts";
import { equalInConstantTime, Secret } from "./secret.ts";
import { createServerIdentity } from "./server-chain.ts";
import { generateSigner } from "./signature.ts";

const bytes = new Uint8Array(32).fill(0xab);

test("a secret prints the same everywhere", () => {
  const secret = new Secret(bytes);
  expect({
    template: `${secret}`,
    json: JSON.stringify({ secret }),
    inspected: inspect({ secret }, { depth: 9, showHidden: true }),
    keys: Object.keys(secret),
  }).toMatchInlineSnapshot(`
    {
      "inspected": "{ secret: [secret] }",
      "json": "{"secret":"[secret]"}",
      "keys": [],
      "template": "[secret]",
    }
  `);
});

test("objects that hold secrets print none of them", async () => {
  const account = await createAccount({ name: "ana", nowMs: 1 });
  const server = await createServerIdentity({ nowMs: 1, hostNames: ["chat.example"] });
  const { signer, seed } = await generateSigner();
  const link = formatInviteLink({
    serverId: bytes,
    host: "chat.example",
    port: 443,
    inviter: undefined,
    id: bytes.subarray(16),
    secret: seed,
    expiresAtMs: 2,
    room: undefined,
    checkpoint: undefined,
  });
  const invite = parseInviteLink(link, 1);
  const secrets = [account.root, account.next, account.recovery, account.device, seed, invite.secret];
  secrets.push(server.identity, server.next, server.recovery);
  const { state: _, chain: __, ...accountSecrets } = account;
  for (const holder of [accountSecrets, server, signer, seed, invite]) {
    const printed = `${inspect(holder, { depth: 9, showHidden: true })}${JSON.stringify(holder)}`;
    for (const secret of secrets) {
      expect(printed).not.toContain(secret.expose().toHex());
      expect(printed).not.toContain([...secret.expose().subarray(0, 8)].join(", "));
      expect(printed).not.toContain([...secret.expose().subarray(0, 8)].join(","));
    }
  }
  expect(inspect({ ...invite, serverId: 0, id: 0 })).toContain("secret: [secret]");
});

test("a secret is a copy, and is gone after wiping", () => {
  const own = bytes.slice();
  const secret = new Secret(own);
  own.fill(0);
  expect(secret.expose()).toEqual(bytes);
  const exposed = secret.expose();
  secret.wipe();
  secret.wipe();
  expect(exposed).toEqual(new Uint8Array(32));
  expect(() => secret.expose()).toThrow(new TrustError("secret-wiped"));
});

test("random secrets differ", () => {
  expect(Secret.random(32).expose()).not.toEqual(Secret.random(32).expose());
});

test("the constant-time comparison finds every difference", () => {
  expect(equalInConstantTime(bytes, bytes.slice())).toBe(true);
  expect(equalInConstantTime(bytes, bytes.subarray(1))).toBe(false);
  for (let bit = 0; bit < 256; bit++) {
    const other = bytes.slice();
    other[bit >> 3]! ^= 1 << (bit & 7);
    expect(equalInConstantTime(bytes, other)).toBe(false);
  }
});
