import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { generateKey, noteSigner, SIGNATURE_TYPE_COSIGNATURE, SIGNATURE_TYPE_ED25519 } from "./tlog/index.ts";
import type { TrustFile } from "./trust-file.ts";
import {
  defaultQuorum,
  formatTrustFile,
  parseTrustFile,
  signTrustFile,
  verifyTrustFile,
} from "./trust-file.ts";

const nowMs = 1_800_000_000_000;
const hash = (byte: number) => new Uint8Array(32).fill(byte);
const key = (name: string, type: number, byte: number) => generateKey({ name, type, seed: hash(byte) });

let file: TrustFile;
let admin: { vkey: string; sign: (file: TrustFile) => Promise<Uint8Array> };
let stranger: typeof admin;
beforeAll(async () => {
  const signerOf = async (name: string, byte: number) => {
    const { vkey, skey } = await key(name, SIGNATURE_TYPE_ED25519, byte);
    const signer = await noteSigner(skey.reveal());
    return { vkey, sign: (some: TrustFile) => signTrustFile(some, [signer]) };
  };
  admin = await signerOf("admin.acme.example", 1);
  stranger = await signerOf("stranger.example", 2);
  file = {
    title: "Acme Corp",
    issuedAtMs: nowMs,
    expiresAtMs: nowMs + 1000,
    servers: [{ host: "chat.example.org", serverId: hash(3) }],
    logs: [(await key("chat.example.org/parley", SIGNATURE_TYPE_ED25519, 4)).vkey],
    witnesses: [
      {
        vkey: (await key("ana.example/w", SIGNATURE_TYPE_COSIGNATURE, 5)).vkey,
        url: "https://ana.example/w",
      },
      { vkey: (await key("bo.example/w", SIGNATURE_TYPE_COSIGNATURE, 6)).vkey },
    ],
    certifiers: [{ name: "acme", key: hash(7) }],
    introducers: [hash(8), hash(9)],
  };
});

test("a file says what it pins, and its text parses to it", async () => {
  expect(parseTrustFile(formatTrustFile(file))).toEqual(file);
  const empty = { ...file, servers: [], logs: [], witnesses: [], certifiers: [], introducers: [] };
  expect(formatTrustFile(empty)).toBe(
    "parley-trust-file-v1\ntitle Acme Corp\nissued 1800000000000\nexpires 1800000001000\n",
  );
  expect(parseTrustFile(formatTrustFile(empty))).toEqual(empty);
});

test("a file may say how many witnesses it takes; when it does not, one liar of four is borne", async () => {
  const two = { ...file, quorum: 2 };
  const text = formatTrustFile(two);
  expect(parseTrustFile(text)).toEqual(two);
  for (const quorum of ["0", "3", "2.0", "", "2\nquorum 1"]) {
    expect(() => parseTrustFile(text.replace("quorum 2", `quorum ${quorum}`))).toThrow(
      "trust-file-malformed",
    );
  }
  expect([1, 2, 3, 4, 5, 7].map(defaultQuorum)).toEqual([1, 2, 3, 3, 4, 5]);
});

test("whose signature is required is known afterwards; without, the file stands on the user's word alone", async () => {
  const note = await admin.sign(file);
  expect(await verifyTrustFile(note, { nowMs })).toEqual({ file, signedBy: [] });
  const requireSignature = [stranger.vkey, admin.vkey, admin.vkey];
  expect(await verifyTrustFile(note, { nowMs, requireSignature })).toEqual({ file, signedBy: [admin.vkey] });
});

test("a file that the required key did not sign, or that was changed since, is refused", async () => {
  const requireSignature = [admin.vkey];
  const foreign = await stranger.sign(file);
  await expect(verifyTrustFile(foreign, { nowMs, requireSignature })).rejects.toThrow("trust-file-signature");
  await expect(verifyTrustFile(foreign, { nowMs, requireSignature: [] })).rejects.toThrow(
    "trust-file-signature",
  );
  const text = new TextDecoder().decode(await admin.sign(file));
  const changed = new TextEncoder().encode(text.replace("Acme Corp", "Acme Copr"));
  await expect(verifyTrustFile(changed, { nowMs, requireSignature })).rejects.toThrow("trust-file-signature");
  await expect(verifyTrustFile(changed, { nowMs, requireSignature: ["nonsense"] })).rejects.toThrow(
    "trust-file-malformed",
  );
});

test("a file that is over, from the future, or older than the one before is refused", async () => {
  const note = await admin.sign(file);
  const verify = (options: { nowMs: number; lastIssuedAtMs?: number }) => verifyTrustFile(note, options);
  await expect(verify({ nowMs: nowMs + 1000 })).rejects.toThrow("trust-file-stale");
  await expect(verify({ nowMs: nowMs - 3_600_000 })).rejects.toThrow("trust-file-stale");
  await expect(verify({ nowMs, lastIssuedAtMs: nowMs + 1 })).rejects.toThrow("trust-file-stale");
  await expect(verify({ nowMs, lastIssuedAtMs: nowMs })).resolves.toBeDefined();
});

test("a line that is not exactly one of the known is refused, and its number said", async () => {
  const lines = formatTrustFile(file).split("\n");
  const at = (word: string) => lines.findIndex((line) => line.startsWith(`${word} `));
  const edits: [line: number, text: string | undefined][] = [
    [0, "parley-trust-file-v2"],
    [at("title"), "title "],
    [at("title"), "title Acme ✔"],
    [at("issued"), "issued 01"],
    [at("expires"), "expires 1e3"],
    [at("expires"), undefined],
    [at("server"), "server chat.example.org"],
    [at("server"), `server Chat.example.org ${hash(3).toBase64()}`],
    [at("server"), `server chat.example.org  ${hash(3).toBase64()}`],
    [at("server"), `server chat.example.org ${hash(3).toBase64().replace("=", "A")}`],
    [at("log"), file.witnesses[0] && `log ${file.witnesses[0].vkey}`],
    [at("witness"), `witness ${file.logs[0]}`],
    [at("witness"), `${lines[at("witness")]} x`],
    [at("witness"), `witness ${file.witnesses[0]?.vkey} ftp://x`],
    [at("certifier"), `certifier ACME ${hash(7).toBase64()}`],
    [at("introducer"), "introducer bob"],
    [at("introducer") + 1, lines[at("introducer")]],
    [lines.length - 1, "more"],
    [lines.length - 1, "\n"],
  ];
  for (const [place, text] of edits) {
    const changed = lines.toSpliced(place, 1, ...(text === undefined ? [] : [text])).join("\n");
    expect(() => parseTrustFile(changed), text).toThrow(
      expect.objectContaining({ code: "trust-file-malformed", data: { line: place + 1 } }),
    );
  }
  expect(() => formatTrustFile({ ...file, title: "two\nlines" })).toThrow("trust-file-malformed");
  expect(() => formatTrustFile({ ...file, introducers: [hash(8), hash(8)] })).toThrow("trust-file-malformed");
  await expect(verifyTrustFile(new Uint8Array(), { nowMs })).rejects.toThrow("trust-file-malformed");
});

interface Vectors {
  readonly vkey: string;
  readonly nowMs: number;
  readonly valid: { readonly name: string; readonly note: string }[];
  readonly invalid: { readonly name: string; readonly note: string; readonly code: string }[];
}
const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../../../vectors/trust/trust-files.json", import.meta.url), "utf8"),
);
const verifyVector = (note: string) =>
  verifyTrustFile(new TextEncoder().encode(note), { nowMs: vectors.nowMs, requireSignature: [vectors.vkey] });

test.each(vectors.valid)("vector: $name", async ({ note }) => {
  const { file: read, signedBy } = await verifyVector(note);
  expect(signedBy).toEqual([vectors.vkey]);
  expect(note.startsWith(formatTrustFile(read))).toBe(true);
});

test.each(vectors.invalid)("vector: $name is $code", async ({ note, code }) => {
  await expect(verifyVector(note)).rejects.toMatchObject({ code });
});
