import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { serverCode } from "./digits.ts";
import type { EvidenceKind } from "./evidence.ts";
import { EVIDENCE_KINDS, friendsPolicy, strictPolicy } from "./evidence.ts";
import type { Secret } from "./secret.ts";
import type { RecoverableServerKeys, ServerIdentity } from "./server-chain.ts";
import {
  createServerIdentity,
  recoverServerIdentity,
  rotateServerIdentity,
  verifyServerChain,
} from "./server-chain.ts";
import type { ServerContact, ServerPin, ServerVerdict } from "./server-contact.ts";
import { EXIT, evaluateServer, exitCodeOf } from "./server-contact.ts";
import { signerFromSeed } from "./signature.ts";
import { signStatement } from "./statement.ts";

const nowMs = 1_800_000_000_000;
const host = "chat.example.org";
const spki = new Uint8Array(32).fill(1);
const spkiInTheMiddle = new Uint8Array(32).fill(2);

interface Relay {
  readonly keys: RecoverableServerKeys;
  readonly server: ServerIdentity;
  readonly hello: Pick<ServerContact, "host" | "chain" | "statement" | "tlsSpkiHash" | "nowMs">;
}

async function helloOf(
  chain: readonly Uint8Array[],
  identity: Secret,
  generation = 1,
): Promise<Relay["hello"]> {
  const { serverId } = await verifyServerChain(chain);
  const statement = await signStatement(
    {
      serverId,
      hostNames: [host],
      tlsSpkiHashes: [spki],
      notBeforeMs: nowMs,
      notAfterMs: nowMs + 1000,
      generation,
    },
    await signerFromSeed(identity),
  );
  return { host, chain, statement, tlsSpkiHash: spki, nowMs };
}

async function startRelay(): Promise<Relay> {
  const keys = await createServerIdentity({ nowMs, hostNames: [host] });
  return {
    keys,
    server: await verifyServerChain(keys.chain),
    hello: await helloOf(keys.chain, keys.identity),
  };
}

function pinOf(verdict: ServerVerdict): ServerPin {
  if (verdict.verdict !== "met") throw new Error(`not met: ${verdict.reason}`);
  return verdict.pin;
}
const outcome = (verdict: ServerVerdict) => [
  verdict.verdict === "met" ? "met" : verdict.reason,
  exitCodeOf(verdict),
];

let relay: Relay;
let mallory: Relay;
let pin: ServerPin;
beforeAll(async () => {
  relay = await startRelay();
  mallory = await startRelay();
  pin = pinOf(await evaluateServer({ ...relay.hello, invite: relay.server }));
});

describe("the first contact", () => {
  test("T1: without evidence nothing is met, and neither y nor Enter helps", async () => {
    expect(outcome(await evaluateServer(relay.hello))).toEqual(["no-evidence", EXIT.notMet]);
    for (const typed of ["", "y", "yes", "Y", host, "!", "other.example!", `${host} !`]) {
      expect(outcome(await evaluateServer({ ...relay.hello, typed })), typed).toEqual([
        "code-invalid",
        EXIT.notMet,
      ]);
    }
  });

  test("an invite, the digits, or the host with an exclamation mark make it", async () => {
    const typed = serverCode(relay.server.serverId);
    const invited = await evaluateServer({ ...relay.hello, invite: relay.server });
    const told = await evaluateServer({ ...relay.hello, typed });
    const unchecked = await evaluateServer({ ...relay.hello, typed: ` ${host}! ` });
    expect([invited, told, unchecked].map((verdict) => pinOf(verdict).met)).toEqual([
      ["invite"],
      ["code"],
      ["unchecked"],
    ]);
    expect(exitCodeOf(invited)).toBe(EXIT.met);
    expect(pinOf(invited)).toEqual({
      serverId: relay.server.serverId,
      head: relay.server.head,
      length: 1,
      recoveries: 0,
      generation: 1,
      met: ["invite"],
      rememberedAtMs: nowMs,
    });
  });

  test("T2: a certificate alone is not enough, with a log it is", async () => {
    const ca = { kind: "ca", detail: "Let's Encrypt" } as const;
    const ledger = { kind: "ledger", detail: "2 of 2" } as const;
    expect(outcome(await evaluateServer({ ...relay.hello, evidence: [ca] }))).toEqual(["no-evidence", 10]);
    expect(outcome(await evaluateServer({ ...relay.hello, evidence: [ledger] }))).toEqual([
      "no-evidence",
      10,
    ]);
    const both = { ...relay.hello, evidence: [ca, ledger] };
    expect(await evaluateServer(both)).toMatchObject({ verdict: "met", why: [ca, ledger] });
    expect(outcome(await evaluateServer({ ...both, policy: strictPolicy }))).toEqual(["no-evidence", 10]);
  });

  test("T3: an invite or digits of another server are never outvoted", async () => {
    const evidence = EVIDENCE_KINDS.map((kind) => ({ kind, detail: "" }));
    const invite = relay.server;
    expect(outcome(await evaluateServer({ ...mallory.hello, invite, evidence }))).toEqual([
      "invite-mismatch",
      10,
    ]);
    expect(outcome(await evaluateServer({ ...mallory.hello, invite, typed: `${host}!` }))).toEqual([
      "invite-mismatch",
      10,
    ]);
    const typed = serverCode(relay.server.serverId);
    expect(outcome(await evaluateServer({ ...mallory.hello, typed, evidence }))).toEqual([
      "code-mismatch",
      10,
    ]);
  });

  test("T4: the true hello over somebody else's TLS is refused, whatever speaks for it", async () => {
    const relayed = { ...relay.hello, tlsSpkiHash: spkiInTheMiddle, invite: relay.server, typed: `${host}!` };
    expect(outcome(await evaluateServer(relayed))).toEqual(["statement-tls-mismatch", 10]);
    expect(outcome(await evaluateServer({ ...relayed, pin }))).toEqual(["statement-tls-mismatch", 10]);
  });

  test("a chain that does not hold, or a statement of another key, is refused", async () => {
    const invite = relay.server;
    const { chain } = relay.hello;
    expect(outcome(await evaluateServer({ ...relay.hello, chain: [], invite }))).toEqual([
      "chain-genesis",
      10,
    ]);
    const forged = { ...mallory.hello, chain, invite };
    expect(outcome(await evaluateServer(forged))).toEqual(["statement-server", 10]);
    const late = { ...relay.hello, nowMs: nowMs + 5000, invite };
    expect(outcome(await evaluateServer(late))).toEqual(["statement-expired", 10]);
    expect(outcome(await evaluateServer({ ...relay.hello, host: "b.example", invite }))).toEqual([
      "statement-host-mismatch",
      10,
    ]);
  });

  test("a browser, which sees no TLS key, is bound by chain and statement", async () => {
    const { tlsSpkiHash: _, ...unseen } = relay.hello;
    expect(outcome(await evaluateServer({ ...unseen, invite: relay.server }))).toEqual(["met", EXIT.met]);
    expect(outcome(await evaluateServer({ ...mallory.hello, pin }))).toEqual([
      "server-changed",
      EXIT.changed,
    ]);
  });
});

describe("a later contact", () => {
  test("the same server is met again, and what is remembered stays", async () => {
    const again = await evaluateServer({ ...relay.hello, pin, nowMs: nowMs + 500 });
    expect(again).toMatchObject({
      verdict: "met",
      restored: false,
      recovered: false,
      why: [{ kind: "pin" }],
    });
    expect(pinOf(again)).toEqual(pin);
    const told = await evaluateServer({ ...relay.hello, pin, typed: serverCode(pin.serverId) });
    expect(pinOf(told).met).toEqual(["invite", "code"]);
  });

  test("T5: another key is a stop that no evidence and no typing lifts", async () => {
    const evidence = EVIDENCE_KINDS.map((kind) => ({ kind, detail: "" }));
    for (const typed of [serverCode(mallory.server.serverId), `${host}!`]) {
      const verdict = await evaluateServer({
        ...mallory.hello,
        pin,
        evidence,
        typed,
        invite: mallory.server,
      });
      expect(outcome(verdict)).toEqual(["server-changed", EXIT.changed]);
      expect(verdict).toMatchObject({ verdict: "changed", pin });
    }
    const stolenChain = { ...mallory.hello, chain: relay.hello.chain, pin };
    expect(outcome(await evaluateServer(stolenChain))).toEqual(["server-changed", EXIT.changed]);
    const garbage = { ...relay.hello, chain: [new Uint8Array(9)], pin };
    expect(outcome(await evaluateServer(garbage))).toEqual(["server-changed", EXIT.changed]);
  });

  test("T6: a certificate changes nothing for a pinned server", async () => {
    const evidence = [{ kind: "ca", detail: "stolen CA" }] as const;
    expect(outcome(await evaluateServer({ ...mallory.hello, pin, evidence }))).toEqual([
      "server-changed",
      11,
    ]);
  });

  test("T7: rotations and recoveries by the operator are followed; a thief's rotation beside them is a fork", async () => {
    const rotated = await rotateServerIdentity({ ...relay.keys, nowMs });
    const hello = await helloOf(rotated.chain, rotated.identity);
    const followed = await evaluateServer({ ...hello, pin });
    expect(followed).toMatchObject({ verdict: "met", recovered: false });
    expect(pinOf(followed).length).toBe(2);

    const { recovery } = relay.keys;
    const recovered = await recoverServerIdentity({ chain: rotated.chain, recovery, nowMs });
    const afterwards = await helloOf(recovered.chain, recovered.identity);
    expect(await evaluateServer({ ...afterwards, pin })).toMatchObject({ verdict: "met", recovered: true });

    const thief = await rotateServerIdentity({ ...relay.keys, nowMs });
    const stolen = await helloOf(thief.chain, thief.identity);
    expect(outcome(await evaluateServer({ ...stolen, pin: pinOf(followed) }))).toEqual([
      "server-forked",
      EXIT.fork,
    ]);
    expect(outcome(await evaluateServer({ ...relay.hello, pin: pinOf(followed) }))).toEqual([
      "server-rolled-back",
      EXIT.fork,
    ]);
  });

  test("T12: the restore generation grows visibly and never shrinks", async () => {
    const grown = await evaluateServer({ ...(await helloOf(relay.keys.chain, relay.keys.identity, 2)), pin });
    expect(grown).toMatchObject({ verdict: "met", restored: true });
    expect(outcome(await evaluateServer({ ...relay.hello, pin: pinOf(grown) }))).toEqual([
      "server-rolled-back",
      12,
    ]);
  });
});

test("two introducers are enough, one that vouches twice is not", async () => {
  const vouches = (...introducers: readonly string[]) =>
    evaluateServer({
      ...relay.hello,
      evidence: introducers.map((by) => ({ kind: "vouch", by, detail: "" }) as const),
    });
  expect(outcome(await vouches("ana", "ana"))).toEqual(["no-evidence", EXIT.notMet]);
  expect(outcome(await vouches("ana", "bo"))).toEqual(["met", EXIT.met]);
});

test("T22: distrust wins over a pin and over all evidence", async () => {
  const evidence = EVIDENCE_KINDS.map((kind) => ({ kind, detail: "" }));
  const contact = { ...relay.hello, invite: relay.server, evidence };
  expect(outcome(await evaluateServer(contact))).toEqual(["met", EXIT.met]);
  for (const known of [{}, { pin }]) {
    const verdict = await evaluateServer({ ...contact, ...known, distrusted: true });
    expect(outcome(verdict)).toEqual(["distrusted", EXIT.notMet]);
  }
});

test("T22: more evidence never lowers a verdict", () => {
  const kinds = fc.subarray([...EVIDENCE_KINDS]);
  fc.assert(
    fc.property(kinds, kinds, fc.constantFrom(friendsPolicy, strictPolicy), (some, more, policy) => {
      const holds = (set: readonly EvidenceKind[]) => policy((kind) => set.includes(kind));
      expect(!holds(some) || holds([...some, ...more])).toBe(true);
    }),
  );
});
