import { readFileSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { Secret } from "./secret.ts";
import type { ServerIdentity } from "./server-chain.ts";
import { createServerIdentity, rotateServerIdentity, verifyServerChain } from "./server-chain.ts";
import type { Signer } from "./signature.ts";
import { generateSigner, signerFromSeed } from "./signature.ts";
import type { Statement } from "./statement.ts";
import {
  certifySessionKey,
  formatStatement,
  parseStatement,
  SESSION_KEY_LIFETIME_MS,
  signStatement,
  verifyStatement,
} from "./statement.ts";

interface Sample {
  readonly name: string;
  readonly note: string;
  readonly host: string;
  readonly spki?: string;
  readonly nowMs: number;
}
interface Vectors {
  readonly chain: string[];
  readonly valid: Sample[];
  readonly invalid: (Sample & { readonly code: string })[];
}
const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../../../vectors/trust/statements.json", import.meta.url), "utf8"),
);

async function verifySample({ note, host, spki, nowMs }: Sample): Promise<Statement> {
  const server = await verifyServerChain(vectors.chain.map((entry) => Uint8Array.fromHex(entry)));
  return verifyStatement({
    note: new TextEncoder().encode(note),
    server,
    host,
    nowMs,
    ...(spki !== undefined && { tlsSpkiHash: Uint8Array.fromHex(spki) }),
  });
}

test.each(vectors.valid)("vector: $name", async (sample) => {
  const statement = await verifySample(sample);
  expect(statement.hostNames).toContain(sample.host);
  expect(sample.note.startsWith(formatStatement(statement))).toBe(true);
});

test.each(vectors.invalid)("vector: $name is $code", async (sample) => {
  await expect(verifySample(sample)).rejects.toMatchObject({ name: "TrustError", code: sample.code });
});

const nowMs = 1_800_000_000_000;
let server: ServerIdentity;
let identity: Signer;
let statement: Statement;
beforeAll(async () => {
  const keys = await createServerIdentity({ nowMs, hostNames: ["chat.example.org"] });
  server = await verifyServerChain(keys.chain);
  identity = await signerFromSeed(keys.identity);
  statement = {
    serverId: server.serverId,
    hostNames: ["chat.example.org"],
    tlsSpkiHashes: [new Uint8Array(32).fill(9)],
    notBeforeMs: nowMs,
    notAfterMs: nowMs + 1000,
    generation: 0,
  };
});

test("a rotated server's old key, and session keys certified by it, sign nothing any more", async () => {
  const keys = await createServerIdentity({ nowMs, hostNames: ["chat.example.org"] });
  const before = await verifyServerChain(keys.chain);
  const after = await verifyServerChain((await rotateServerIdentity({ ...keys, nowMs })).chain);
  const old = await signerFromSeed(keys.identity);
  const { signer: key } = await generateSigner();
  const session = await certifySessionKey({
    identity: old,
    serverId: before.serverId,
    key: key.publicKey,
    notBeforeMs: nowMs,
    notAfterMs: nowMs + 1,
  });
  const own = { ...statement, serverId: before.serverId };
  for (const note of [await signStatement(own, old), await signStatement({ ...own, session }, key)]) {
    await expect(verifyStatement({ note, server: before, nowMs })).resolves.toMatchObject({ generation: 0 });
    await expect(verifyStatement({ note, server: after, nowMs })).rejects.toThrow("statement-signature");
  }
});

test("a session key lives a week at most", async () => {
  const { signer } = await generateSigner();
  const certify = (lifetimeMs: number) =>
    certifySessionKey({
      identity,
      serverId: server.serverId,
      key: signer.publicKey,
      notBeforeMs: nowMs,
      notAfterMs: nowMs + lifetimeMs,
    });
  const session = await certify(SESSION_KEY_LIFETIME_MS);
  await expect(certify(SESSION_KEY_LIFETIME_MS + 1)).rejects.toThrow("malformed");
  const longer = { ...session, notAfterMs: session.notAfterMs + 1 };
  await expect(signStatement({ ...statement, session: longer }, signer)).rejects.toThrow("malformed");
});

test("whether to ask again is known by the error", async () => {
  const note = await signStatement(statement, identity);
  await expect(verifyStatement({ note, server, nowMs: nowMs + 2000 })).rejects.toMatchObject({
    retryable: true,
  });
  await expect(verifyStatement({ note, server, nowMs, host: "b.example" })).rejects.toMatchObject({
    retryable: false,
  });
});

test("a statement without a text is not signed", async () => {
  const broken: Partial<Statement>[] = [
    { hostNames: [] },
    { hostNames: ["a\nhost b"] },
    { hostNames: Array.from({ length: 99 }, (_, place) => `h${place}`) },
    { tlsSpkiHashes: [new Uint8Array(31)] },
    { generation: -1 },
    { generation: 2 ** 32 },
    { notAfterMs: 0.5 },
  ];
  for (const change of broken) {
    await expect(signStatement({ ...statement, ...change }, identity)).rejects.toThrow("malformed");
  }
});

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
const time = fc.nat(2 ** 50);
const statements: fc.Arbitrary<Statement> = fc.record({
  serverId: hash,
  hostNames: fc.array(fc.constantFrom("a.example", "10.0.0.1", "[fe80::1]", "localhost"), {
    minLength: 1,
    maxLength: 5,
  }),
  tlsSpkiHashes: fc.array(hash, { maxLength: 5 }),
  notBeforeMs: time,
  notAfterMs: time,
  generation: fc.nat(0xffff_ffff),
});

test("every statement has one text, and every text that parses prints back", () => {
  fc.assert(
    fc.property(statements, (some) => {
      const text = formatStatement(some);
      expect(parseStatement(text)).toEqual(some);
    }),
  );
});

test("a note carries the server's signature once", async () => {
  const note = new TextDecoder().decode(await signStatement(statement, identity));
  const line = note.slice(note.indexOf("\n\n") + 2);
  const twice = new TextEncoder().encode(note + line);
  await expect(verifyStatement({ note: twice, server, nowMs })).rejects.toThrow("statement-signature");
});

test("hashes have one spelling", () => {
  const text = formatStatement(statement);
  const id = statement.serverId.toBase64();
  const spaced = `${id.slice(0, 4)} ${id.slice(4)}`;
  for (const spelling of [spaced, id.slice(0, -1), `${id}=`, id.replace("=", "A"), `${id} `]) {
    expect(() => parseStatement(text.replace(id, spelling)), spelling).toThrow("malformed");
  }
});

test("no changed character of a note is believed", async () => {
  const note = await signStatement(statement, identity);
  await fc.assert(
    fc.asyncProperty(fc.nat(note.length - 1), fc.integer({ min: 1, max: 255 }), async (place, change) => {
      const changed = note.slice();
      changed[place]! ^= change;
      await expect(verifyStatement({ note: changed, server, nowMs })).rejects.toMatchObject({
        name: "TrustError",
      });
    }),
    { numRuns: 500 },
  );
});

test("a secret does not get into the text", async () => {
  const seed = Secret.random(32);
  const note = new TextDecoder().decode(await signStatement(statement, await signerFromSeed(seed)));
  expect(note).not.toContain(seed.expose().toBase64().slice(0, 40));
});
