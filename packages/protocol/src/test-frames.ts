import fc from "fast-check";
import { ERROR_CODES } from "./errors.ts";
import type { Answer, ClientFrame, Request, ServerFrame } from "./frames.ts";
import type { DeviceAddress } from "./identifiers.ts";
import type { RoomLogEntry } from "./room-log.ts";
import { ENTRY_KINDS } from "./room-log.ts";

type Bodies<U extends { readonly kind: string }> = {
  readonly [K in U["kind"]]: fc.Arbitrary<Omit<Extract<U, { readonly kind: K }>, "kind">>;
};

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const blob = fc.uint8Array({ maxLength: 80 });
const number = fc.oneof(fc.nat(300), fc.maxSafeNat());
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);
const name = fc.stringMatching(/^[a-z0-9._-]{1,32}$/);
const few = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 3 });
const maybe = <T>(item: fc.Arbitrary<T>) => fc.option(item, { nil: undefined });
const device: fc.Arbitrary<DeviceAddress> = fc.record({ account: bytes(32), device: u32 });

const requestBodies: Bodies<Request> = {
  authenticate: fc.record({ device, signature: bytes(64) }),
  register: fc.record({
    name,
    nameOpening: bytes(32),
    chain: few(blob),
    invite: maybe(fc.record({ id: bytes(16), secret: bytes(32) })),
    signature: bytes(64),
  }),
  "look-up": fc.record({ name: maybe(name), account: maybe(bytes(32)) }),
  "put-key-packages": fc.record({ packages: few(blob), lastResort: maybe(blob) }),
  "claim-key-packages": fc.record({ account: bytes(32) }),
  "create-room": fc.record({ room: bytes(16) }),
  append: fc.record({
    room: bytes(16),
    clientId: bytes(16),
    epoch: number,
    proposal: fc.boolean(),
    message: blob,
  }),
  commit: fc.record({
    room: bytes(16),
    clientId: bytes(16),
    epoch: number,
    replaces: number,
    message: blob,
    added: few(fc.record({ device, item: blob })),
    removed: few(device),
    ratchetTree: blob,
    groupInfo: blob,
  }),
  "list-rooms": fc.record({}),
  resume: fc.record({ rooms: few(fc.record({ room: bytes(16), after: number })), inboxAfter: number }),
  "acknowledge-inbox": fc.record({ upTo: number }),
  "post-inbox": fc.record({ account: bytes(32), item: blob }),
  "room-state": fc.record({ room: bytes(16), epoch: maybe(number) }),
  "create-invite": fc.record({ id: bytes(16), secretHash: bytes(32), expiresAtMs: number, uses: u16 }),
  ping: fc.record({}),
  "log-entries": fc.record({ from: number, max: u16 }),
  "repair-log": fc.record({
    from: number,
    checkpoint: blob,
    entries: few(fc.record({ entry: blob, opening: maybe(fc.record({ name, opening: bytes(32) })) })),
  }),
  "append-account-entry": fc.record({ entry: blob }),
};

const answerBodies: Bodies<Answer> = {
  done: fc.record({}),
  session: fc.record({ device, name, stock: u16, serverTimeMs: number }),
  account: fc.record({ account: bytes(32), name, nameOpening: bytes(32), chain: few(blob) }),
  stock: fc.record({ stock: u16 }),
  "key-packages": fc.record({
    packages: few(fc.record({ device, keyPackage: blob })),
    unreachable: few(device),
  }),
  appended: fc.record({ seq: number, receivedAtMs: number }),
  rooms: fc.record({ rooms: few(fc.record({ room: bytes(16), seq: number, epoch: number })) }),
  "room-state": fc.record({ epoch: number, seq: number, head: bytes(32), state: blob }),
  "log-entries": fc.record({
    from: number,
    checkpoint: blob,
    entries: few(fc.record({ entry: blob, opening: maybe(fc.record({ name, opening: bytes(32) })) })),
  }),
};

const answer = fc.oneof(...ofEachKind<Answer>(answerBodies));

const serverBodies: Bodies<ServerFrame> = {
  hello: fc.record({
    statement: blob,
    serverChain: few(blob),
    checkpoint: blob,
    generation: u32,
    nonce: bytes(32),
  }),
  answer: fc.record({ id: u32, answer }),
  error: fc.record({
    id: u32,
    code: fc.constantFrom(...ERROR_CODES),
    winnerSeq: number,
    epoch: number,
    retryAfterMs: u32,
  }),
  entry: fc.record({ entry: blob }),
  "inbox-item": fc.record({ seq: number, from: device, receivedAtMs: number, item: blob }),
  live: fc.record({ room: bytes(16), seq: number }),
  lagging: fc.record({}),
  removed: fc.record({ room: bytes(16), seq: number }),
};

function ofEachKind<U extends { readonly kind: string }>(bodies: Bodies<U>): fc.Arbitrary<U>[] {
  return Object.entries<fc.Arbitrary<object>>(bodies).map(([kind, body]) =>
    body.map((fields) => ({ kind, ...fields }) as unknown as U),
  );
}

/** Client frames, one arbitrary for each kind of request. */
export const clientFramesByKind: readonly fc.Arbitrary<ClientFrame>[] = ofEachKind<Request>(
  requestBodies,
).map((request) => fc.record({ id: u32, request }));

/** Server frames, one arbitrary for each kind; answers of each kind on their own. */
export const serverFramesByKind: readonly fc.Arbitrary<ServerFrame>[] = [
  ...ofEachKind<ServerFrame>(serverBodies),
  ...ofEachKind<Answer>(answerBodies).map((one) =>
    fc.record({ kind: fc.constant("answer" as const), id: u32, answer: one }),
  ),
];

export const roomLogEntries: fc.Arbitrary<RoomLogEntry> = fc.record({
  room: bytes(16),
  seq: number,
  kind: fc.constantFrom(...ENTRY_KINDS),
  epoch: number,
  sender: device,
  clientId: bytes(16),
  receivedAtMs: number,
  replaces: number,
  added: few(device),
  removed: few(device),
  message: blob,
});
