import type { Infer } from "./codec.ts";
import { fixed, flag, list, oneOf, opaque, optional, struct, text, u16, u32, u53, variant } from "./codec.ts";
import { ERROR_CODES } from "./errors.ts";
import { accountId, clientId, deviceAddress, inviteId, roomId } from "./identifiers.ts";
import { LIMITS } from "./limits.ts";

/** The protocol's version; the WebSocket is opened on `/v1` with this sub-protocol. */
export const SUBPROTOCOL = "parley.v1";

const chain = list(opaque(LIMITS.chainEntryBytes), LIMITS.chainEntries);
const signature = fixed(64);
const name = text(LIMITS.nameBytes);

/**
 * The relay's first frame (docs/protocol.md §3.1): who it is, before anything is asked of it. `statement` is a C2SP
 * signed note, `serverChain` the entries that its key follows from, `checkpoint` the newest head of the transparency
 * log (empty while there is none). `nonce` is fresh for this connection. `generation` grows when a backup is restored.
 */
export const hello = struct({
  statement: opaque(LIMITS.statementBytes),
  serverChain: chain,
  checkpoint: opaque(LIMITS.checkpointBytes),
  generation: u32,
  nonce: fixed(32),
});
/** See {@link hello}. */
export type Hello = Infer<typeof hello>;

const invitedDevice = struct({ device: deviceAddress, item: opaque(LIMITS.inboxItemBytes) });

/** What a chain shows only as a commitment: the name, and the value that hides it there (trust.md §B). */
const nameOpening = struct({ name, opening: fixed(32) });
const loggedEntry = struct({ entry: opaque(LIMITS.chainEntryBytes), opening: optional(nameOpening) });

/** What a client may ask, by name; docs/protocol.md §4 gives each its duties and errors. */
const requests = {
  /** §4.1: log in as a device of an account that the relay knows. */
  authenticate: [1, struct({ device: deviceAddress, signature })],
  /** §4.2: a new account with its first device; logs in at once. */
  register: [
    2,
    struct({
      name,
      nameOpening: fixed(32),
      chain,
      invite: optional(struct({ id: inviteId, secret: fixed(32) })),
      signature,
    }),
  ],
  /** §4.3: whose account is this name or id, and its whole chain. Exactly one of the two is given. */
  "look-up": [3, struct({ name: optional(name), account: optional(accountId) })],
  /** §4.4: adds to the stock of one-time key packages, and replaces the last-resort one if given. */
  "put-key-packages": [
    4,
    struct({
      packages: list(opaque(LIMITS.keyPackageBytes), LIMITS.keyPackageStock),
      lastResort: optional(opaque(LIMITS.keyPackageBytes)),
    }),
  ],
  /** §4.5: one key package for each live device of an account, each handed out once. */
  "claim-key-packages": [5, struct({ account: accountId })],
  /** §4.6: a new room with this device alone on its roster, at epoch 0. */
  "create-room": [6, struct({ room: roomId })],
  /** §4.7: appends an application message or a proposal. */
  append: [
    7,
    struct({
      room: roomId,
      clientId,
      epoch: u53,
      proposal: flag,
      message: opaque(LIMITS.messageBytes),
    }),
  ],
  /** §4.8: the one commit of an epoch, with what joiners and lost members need. */
  commit: [
    8,
    struct({
      room: roomId,
      clientId,
      epoch: u53,
      replaces: u53,
      message: opaque(LIMITS.commitBytes),
      added: list(invitedDevice, LIMITS.addsPerCommit),
      removed: list(deviceAddress, LIMITS.roomDevices),
      ratchetTree: opaque(LIMITS.treeBytes),
      groupInfo: opaque(LIMITS.treeBytes),
    }),
  ],
  /** §4.9: the rooms this device is on the roster of. */
  "list-rooms": [9, struct({})],
  /** §4.10: sends everything after the cursors, then keeps sending. May be asked again, for more rooms. */
  resume: [
    10,
    struct({
      rooms: list(struct({ room: roomId, after: u53 }), LIMITS.roomsPerResume),
      inboxAfter: u53,
    }),
  ],
  /** §4.11: inbox items up to this one are processed and may be forgotten. */
  "acknowledge-inbox": [11, struct({ upTo: u53 })],
  /** §4.12: puts an item into the inbox of every live device of an account. */
  "post-inbox": [12, struct({ account: accountId, item: opaque(LIMITS.inboxItemBytes) })],
  /** §4.13: what a joiner of an epoch needs (its ratchet tree), or a lost member (`epoch` absent: newest GroupInfo). */
  "room-state": [13, struct({ room: roomId, epoch: optional(u53) })],
  /** §4.14: an invite to register here; the relay learns the hash of its secret only. */
  "create-invite": [14, struct({ id: inviteId, secretHash: fixed(32), expiresAtMs: u53, uses: u16 })],
  /** §4.15: an answer shows that the connection lives. */
  ping: [15, struct({})],
  /** §4.16: entries of the transparency log from number `from` (counted from 0) on, at most `max`. */
  "log-entries": [16, struct({ from: u53, max: u16 })],
  /** §4.17: what a restored log lacks, from number `from` on; it leads to the signed `checkpoint`. */
  "repair-log": [
    17,
    struct({
      from: u53,
      checkpoint: opaque(LIMITS.checkpointBytes),
      entries: list(loggedEntry, LIMITS.logEntries),
    }),
  ],
  /** §4.18: one more entry of the own account's chain. */
  "append-account-entry": [30, struct({ entry: opaque(LIMITS.chainEntryBytes) })],
} as const;

/** The body of a request; `kind` says which. */
export const request = variant(requests);
/** See {@link request}. */
export type Request = Infer<typeof request>;
/** Names of the requests. */
export type RequestKind = Request["kind"];

/** A request and the number by which its answer is known; numbers are chosen by the client, each used once. */
export const clientFrame = struct({ id: u32, request });
/** See {@link clientFrame}. */
export type ClientFrame = Infer<typeof clientFrame>;

const roomHead = struct({ room: roomId, seq: u53, epoch: u53 });

/** The answers, by the request's name; `done` where there is nothing to say. */
const answers = {
  done: [0, struct({})],
  /** To authenticate and register: `stock` is the number of one-time key packages left. */
  session: [1, struct({ device: deviceAddress, name, stock: u16, serverTimeMs: u53 })],
  account: [2, struct({ account: accountId, name, nameOpening: fixed(32), chain })],
  stock: [3, struct({ stock: u16 })],
  "key-packages": [
    4,
    struct({
      packages: list(
        struct({ device: deviceAddress, keyPackage: opaque(LIMITS.keyPackageBytes) }),
        LIMITS.devicesPerAccount,
      ),
      /** Live devices that have none left, not even a last-resort one. */
      unreachable: list(deviceAddress, LIMITS.devicesPerAccount),
    }),
  ],
  appended: [5, struct({ seq: u53, receivedAtMs: u53 })],
  /** To list-rooms and resume: where each room's log ends now. Rooms this device is not in are left out. */
  rooms: [6, struct({ rooms: list(roomHead, LIMITS.roomsPerResume) })],
  /** `seq` is that of the commit which began `epoch`, `head` the log's head right after it: where a joiner starts. */
  "room-state": [7, struct({ epoch: u53, seq: u53, head: fixed(32), state: opaque(LIMITS.treeBytes) })],
  /** `checkpoint`: the newest, which covers every entry here. */
  "log-entries": [
    8,
    struct({
      from: u53,
      checkpoint: opaque(LIMITS.checkpointBytes),
      entries: list(loggedEntry, LIMITS.logEntries),
    }),
  ],
} as const;

/** The body of an answer. */
export const answer = variant(answers);
/** See {@link answer}. */
export type Answer = Infer<typeof answer>;

/** What the relay sends. */
export const serverFrame = variant({
  hello: [0, hello],
  /** The request `id` succeeded. */
  answer: [1, struct({ id: u32, answer })],
  /** The request `id` failed; 0 when the frame could not be read, and then the connection is closed. */
  error: [
    2,
    struct({
      id: u32,
      code: oneOf(ERROR_CODES),
      winnerSeq: u53,
      epoch: u53,
      retryAfterMs: u32,
    }),
  ],
  /** One entry of a room log, in order (docs/protocol.md §5.1): the same bytes for every member. */
  entry: [3, struct({ entry: opaque(LIMITS.frameBytes) })],
  /** One item of this device's inbox, in order. */
  "inbox-item": [
    4,
    struct({ seq: u53, from: deviceAddress, receivedAtMs: u53, item: opaque(LIMITS.inboxItemBytes) }),
  ],
  /** Everything up to `seq` has been sent; what follows is live (the cut-over of a resume). */
  live: [5, struct({ room: roomId, seq: u53 })],
  /** This connection reads too slowly: its queue was dropped. Resume from the cursors. */
  lagging: [6, struct({})],
  /** This device is no longer on the room's roster. */
  removed: [7, struct({ room: roomId, seq: u53 })],
});
/** See {@link serverFrame}. */
export type ServerFrame = Infer<typeof serverFrame>;
