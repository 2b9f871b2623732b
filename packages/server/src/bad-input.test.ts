import { once } from "node:events";
import { connect } from "node:net";
import type { ClientFrame, Request } from "@parley/protocol";
import { clientFrame, decode, encode, LIMITS, ProtocolError } from "@parley/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { transportOf } from "./testing/raw-client.ts";
import { startTestRelay } from "./testing/relay-fixture.ts";
import { commitRequest, createRoomWith, randomId, resume, say } from "./testing/room-requests.ts";

const PING = encode(clientFrame, { id: 1, request: { kind: "ping" } });

describe("a frame that cannot be read", () => {
  const unreadable: [string, Uint8Array][] = [
    ["nothing", new Uint8Array()],
    ["noise", Uint8Array.from({ length: 64 }, (_, index) => index * 37)],
    ["a frame cut short", PING.subarray(0, 4)],
    ["a frame with something after it", Uint8Array.of(...PING, 0)],
    ["an unknown request", Uint8Array.of(0, 0, 0, 1, 99)],
    ["the number 0", encode(clientFrame, { id: 0, request: { kind: "ping" } })],
  ];
  for (const [name, bytes] of unreadable) {
    it(`(${name}) is answered with an error of number 0 and ends the connection, and that one only`, async () => {
      await using relay = await startTestRelay();
      const { client } = await relay.member("ana");
      const other = await relay.member("bo");
      client.socket.send(bytes);
      expect(await client.ended).toMatchObject({ code: 1002, error: { code: "malformed" } });
      await other.client.request({ kind: "ping" }, "done");
    });
  }

  it("may be text, too large, or against RFC 6455: each has its close code", async () => {
    await using relay = await startTestRelay();
    const text = await relay.connect();
    text.socket.send("hello");
    expect(await text.ended).toMatchObject({ code: 1003, error: { code: "malformed" } });
    const large = await relay.connect();
    large.socket.send(new Uint8Array(LIMITS.frameBytes + 1));
    expect(await large.ended).toMatchObject({ code: 1009, error: { code: "too-large" } });
    const wrong = await relay.connect();
    transportOf(wrong.socket).write(Buffer.from([0x82, 0x01, 0x00]));
    expect(await wrong.ended).toMatchObject({ code: 1002, error: { code: "malformed" } });
    const badText = await relay.connect();
    transportOf(badText.socket).write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xff]));
    expect(await badText.ended).toMatchObject({ code: 1007, error: { code: "malformed" } });
  });

  it("is also one whose number was used before", async () => {
    await using relay = await startTestRelay();
    const { client } = await relay.member("ana");
    const room = randomId();
    await client.requestWithId(7, { kind: "create-room", room });
    client.socket.send(encode(clientFrame, { id: 7, request: { kind: "create-room", room } }));
    expect(await client.ended).toMatchObject({ code: 1002, error: { code: "malformed" } });
  });

  it("is also a look-up of both or neither", async () => {
    await using relay = await startTestRelay();
    const { client } = await relay.member("ana");
    const lookUp = client.request({ kind: "look-up", name: undefined, account: undefined }, "account");
    await expect(lookUp).rejects.toMatchObject({ code: "malformed" });
    expect(await client.ended).toMatchObject({ code: 1002 });
  });
});

it("a frame replayed on another connection is worth nothing there", async () => {
  await using relay = await startTestRelay();
  const { client, account } = await relay.member("ana");
  const recorded: Uint8Array[] = [];
  const second = await relay.connect();
  const send = second.socket.send.bind(second.socket);
  second.socket.send = (data: Uint8Array) => {
    recorded.push(data);
    send(data);
  };
  await second.logIn(account);
  const thief = await relay.connect();
  const { id, request } = decode(clientFrame, recorded[0] as Uint8Array);
  await expect(thief.requestWithId(id, request)).rejects.toMatchObject({ code: "unauthenticated" });
  await client.request({ kind: "ping" }, "done");
});

it("a peer that is no WebSocket, or hangs up in the middle of anything, disturbs nobody", async () => {
  await using relay = await startTestRelay();
  const { client } = await relay.member("ana");
  const { port } = relay.relay.address;
  for (const opening of [
    "",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\x16\x03\x01\x02",
    "GET /v1 HTTP/1.1\r\nUpgr",
  ]) {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.write(opening);
    socket.resetAndDestroy();
  }
  await client.request({ kind: "ping" }, "done");
});

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const device = fc.record({ account: bytes(32), device: fc.nat() });
const sampleRequests: fc.Arbitrary<Request> = fc.oneof(
  fc.record({ kind: fc.constant("authenticate" as const), device, signature: bytes(64) }),
  fc.record({
    kind: fc.constant("look-up" as const),
    name: fc.constant("ana"),
    account: fc.constant(undefined),
  }),
  fc.record({
    kind: fc.constant("append" as const),
    room: bytes(16),
    clientId: bytes(16),
    epoch: fc.nat(),
    proposal: fc.boolean(),
    message: fc.uint8Array({ maxLength: 100 }),
  }),
  bytes(16).map((room) =>
    commitRequest(room, 3, { added: [{ device: { account: new Uint8Array(32), device: 1 }, item: room }] }),
  ),
  fc.record({
    kind: fc.constant("resume" as const),
    rooms: fc.array(fc.record({ room: bytes(16), after: fc.nat() }), { maxLength: 4 }),
    inboxAfter: fc.nat(),
  }),
);
const edit = fc.record({
  at: fc.nat(400),
  value: fc.nat(255),
  kind: fc.constantFrom("set", "insert", "delete", "cut"),
});

function mutate(
  frame: Uint8Array,
  edits: readonly { at: number; value: number; kind: string }[],
): Uint8Array {
  const mutated = [...frame];
  for (const { at, value, kind } of edits) {
    const place = at % (mutated.length + 1);
    if (kind === "set") mutated[place] = value;
    else if (kind === "insert") mutated.splice(place, 0, value);
    else mutated.splice(place, kind === "delete" ? 1 : Infinity);
  }
  return Uint8Array.from(mutated);
}

it("no mutated frame does more to the decoder than a typed error, and what it reads has one encoding", () => {
  const sample = fc.record({ id: fc.nat(), request: sampleRequests });
  let readable = 0;
  fc.assert(
    fc.property(sample, fc.array(edit, { minLength: 1, maxLength: 4 }), (frame: ClientFrame, edits) => {
      const mutated = mutate(encode(clientFrame, frame), edits);
      try {
        expect(encode(clientFrame, decode(clientFrame, mutated)).toHex()).toBe(mutated.toHex());
        readable++;
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        if (error.code !== "malformed" && error.code !== "too-large") throw error;
      }
    }),
    { numRuns: 100_000 },
  );
  expect(readable).toBeGreaterThan(1000);
});

it("mutated frames on the wire end at worst their own connection", async () => {
  const limits = { attemptsPerAddress: { burst: 1e9, perSecond: 1e9 } };
  await using relay = await startTestRelay({ limits });
  const { client, account } = await relay.member("ana");
  const room = await createRoomWith(client, []);
  await resume(client, [room]);
  const sample = fc.record({ id: fc.integer({ min: 1, max: 1e6 }), request: sampleRequests });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(sample, fc.array(edit, { maxLength: 3 })), { maxLength: 10 }),
      async (frames) => {
        const fuzzer = await relay.connect();
        await fuzzer.logIn(account);
        for (const [frame, edits] of frames) fuzzer.socket.send(mutate(encode(clientFrame, frame), edits));
        await fuzzer.close();
      },
    ),
    { numRuns: 150 },
  );
  await say(client, { room, text: "still here", epoch: 1 });
  expect(relay.logLines.filter((line) => line.includes('"fault"'))).toEqual([]);
});
