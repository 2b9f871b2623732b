import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { TrustError } from "./errors.ts";
import type { Invite } from "./invite-link.ts";
import {
  formatInviteLink,
  formatInviteUri,
  MAX_INVITE_LINK_CHARACTERS,
  parseInviteLink,
} from "./invite-link.ts";
import { Secret } from "./secret.ts";

interface Vectors {
  readonly nowMs: number;
  readonly valid: {
    name: string;
    link: string;
    uri: string;
    serverId: string;
    host: string;
    port: number;
    inviter?: string;
    id: string;
    secret: string;
    expiresAtMs: number;
    room?: string;
    checkpoint?: { size: number; root: string };
  }[];
  readonly invalid: { name: string; link: string; code: string }[];
}
const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../../../vectors/trust/invites.json", import.meta.url), "utf8"),
);
const { nowMs } = vectors;

function codeOf(link: string, atMs = nowMs): string {
  try {
    parseInviteLink(link, atMs);
    return "accepted";
  } catch (error) {
    if (error instanceof TrustError) return error.code;
    throw error;
  }
}

test.each(vectors.valid)("vector: $name", (vector) => {
  for (const link of [vector.link, vector.uri, vector.uri.toLowerCase()]) {
    const invite = parseInviteLink(link, nowMs);
    expect(invite.serverId.toHex()).toBe(vector.serverId);
    expect([invite.host, invite.port, invite.expiresAtMs]).toEqual([
      vector.host,
      vector.port,
      vector.expiresAtMs,
    ]);
    expect(invite.inviter?.toHex()).toBe(vector.inviter);
    expect(invite.id.toHex()).toBe(vector.id);
    expect(invite.secret.expose().toHex()).toBe(vector.secret);
    expect(invite.room?.toHex()).toBe(vector.room);
    expect(invite.checkpoint?.root.toHex()).toBe(vector.checkpoint?.root);
    expect(invite.checkpoint?.size).toBe(vector.checkpoint?.size);
    expect(formatInviteLink(invite)).toBe(vector.link);
    expect(formatInviteUri(invite)).toBe(vector.uri);
  }
});

test.each(vectors.invalid)("vector: $name is $code", ({ link, code }) => {
  expect(codeOf(link)).toBe(code);
});

const fixedBytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const invites: fc.Arbitrary<Invite> = fc.record({
  serverId: fixedBytes(32),
  host: fc.constantFrom(
    "chat.example.org",
    "localhost",
    "192.0.2.7",
    "[2001:db8::1]",
    `${"a".repeat(63)}.example`,
  ),
  port: fc.integer({ min: 1, max: 65535 }),
  inviter: maybe(fixedBytes(32)),
  id: fixedBytes(16),
  secret: fixedBytes(32).map((bytes) => new Secret(bytes)),
  expiresAtMs: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  room: maybe(fixedBytes(16)),
  checkpoint: maybe(fc.record({ size: fc.nat(), root: fixedBytes(32) })),
});
const forms = fc.constantFrom(formatInviteLink, formatInviteUri);

test("what is formatted is parsed, in both forms, also when a terminal wrapped it", () => {
  fc.assert(
    fc.property(invites, forms, fc.integer({ min: 20, max: 80 }), (invite, format, width) => {
      const link = format(invite);
      const wrapped = ` ${link.replace(new RegExp(`.{${width}}`, "g"), "$&\n   ")}\r\n`;
      const { secret, ...rest } = parseInviteLink(wrapped, 0);
      const { secret: given, ...givenRest } = invite;
      expect(rest).toEqual(givenRest);
      expect(secret.expose()).toEqual(given.expose());
      expect(link.length).toBeLessThan(MAX_INVITE_LINK_CHARACTERS);
    }),
  );
});

test("a link cut off anywhere after its address is called cut off", () => {
  const [{ link, uri }] = vectors.valid as [(typeof vectors.valid)[0]];
  for (let end = "https://chat.example.org:8443".length; end < link.length; end++) {
    expect(codeOf(link.slice(0, end)), `${end}`).toBe("invite-cut-off");
  }
  for (let end = "PARLEY:".length; end < uri.length; end++) {
    expect(codeOf(uri.slice(0, end)), `${end}`).toBe("invite-cut-off");
  }
});

test("a changed character is noticed", () => {
  const alphabet = fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
  fc.assert(
    fc.property(invites, forms, fc.nat(), alphabet, (invite, format, place, letter) => {
      const link = format(invite);
      const start = Math.max(link.indexOf("#"), link.indexOf(":", 5)) + 1;
      const at = start + (place % (link.length - start));
      fc.pre(link[at] !== letter);
      const changed = link.slice(0, at) + letter + link.slice(at + 1);
      expect(codeOf(changed, 0)).toMatch(/^invite-(malformed|cut-off)$/);
    }),
  );
});

test("bits that a code has to spare are zero", () => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const spared = vectors.valid.flatMap(({ link, uri }) => [
    { text: link, letters: alphabet, bits: ((link.length - link.indexOf("#") - 1) * 6) % 8 },
    { text: uri, letters: base32, bits: ((uri.length - "PARLEY:".length) * 5) % 8 },
  ]);
  expect(spared.some(({ bits }) => bits > 0)).toBe(true);
  for (const { text, letters, bits } of spared.filter((sample) => sample.bits > 0)) {
    for (let value = 1; value < 2 ** bits; value++) {
      const last = letters[letters.indexOf(text.at(-1) as string) + value] as string;
      expect(codeOf(text.slice(0, -1) + last)).toBe("invite-malformed");
    }
  }
});

test("an invite ends at its moment", () => {
  const [{ link, expiresAtMs }] = vectors.valid as [(typeof vectors.valid)[0]];
  expect(codeOf(link, expiresAtMs - 1)).toBe("accepted");
  expect(codeOf(link, expiresAtMs)).toBe("invite-expired");
});

test("an invite without a spelling is not made", () => {
  const [{ link }] = vectors.valid as [(typeof vectors.valid)[0]];
  const invite = parseInviteLink(link, nowMs);
  const broken: Partial<Invite>[] = [
    { host: "Chat.example" },
    { host: "chat.example/x" },
    { port: 0 },
    { port: 65536 },
    { id: new Uint8Array(15) },
    { secret: new Secret(new Uint8Array(31)) },
    { expiresAtMs: -1 },
  ];
  for (const change of broken) {
    for (const format of [formatInviteLink, formatInviteUri]) {
      expect(() => format({ ...invite, ...change })).toThrow("invite-malformed");
    }
  }
});

test("a text that is far too long is not looked at", () => {
  expect(codeOf(`https://chat.example/i#${"A".repeat(10_000_000)}`)).toBe("invite-malformed");
});
