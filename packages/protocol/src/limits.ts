const KIB = 1024;
const MIB = 1024 * KIB;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Every size and count that a peer can make us hold. One table, so that nobody has to look for a second one. */
export const LIMITS = {
  /** One WebSocket message in either direction. */
  frameBytes: 4 * MIB,
  /** One MLS application message or proposal, after padding. */
  messageBytes: 84 * KIB,
  /** Text of one message as a person types it. */
  messageTextBytes: 64 * KIB,
  /** One MLS commit, with the paths of a room of a thousand. */
  commitBytes: 1 * MIB,
  /** A ratchet tree or GroupInfo of the largest room. */
  treeBytes: 3 * MIB,
  /** One thing put into a device's inbox: a signed Welcome, a join request. */
  inboxItemBytes: 64 * KIB,
  /** One MLS KeyPackage (X-Wing: 2.7 kB). */
  keyPackageBytes: 8 * KIB,
  /** Key packages a device may have in stock, besides the last-resort one. */
  keyPackageStock: 100,
  /** One chain entry (trust.md §B). */
  chainEntryBytes: 64 * KIB,
  /** Entries of one server or account chain that travel at once. */
  chainEntries: 256,
  /** The server statement, a signed note. */
  statementBytes: 16 * KIB,
  /** A checkpoint of the transparency log, with cosignatures. */
  checkpointBytes: 16 * KIB,
  /** Entries of the transparency log in one answer. */
  logEntries: 2048,
  /** And their bytes together; one entry fits always. */
  logAnswerBytes: 1 * MIB,
  /** Devices of an account. */
  devicesPerAccount: 8,
  /** Leaves of a room. Above 250 the suite is not post-quantum. */
  roomDevices: 1000,
  /** Leaves of a room up to which X-Wing is used. */
  postQuantumRoomDevices: 250,
  /** Leaves that one commit may add. */
  addsPerCommit: 100,
  /** Rooms one device may resume in one request. */
  roomsPerResume: 4096,
  /** A name a person claims, in bytes (ASCII). */
  nameBytes: 32,
  /** How long an inbox item or a ratchet tree for a pending invitation is kept. */
  inboxLifetimeMs: 45 * DAY_MS,
  /** Longest life of an invite. */
  inviteLifetimeMs: 30 * DAY_MS,
  /** Replacement commits one device may send for one room in an hour (docs/protocol.md §5.4). */
  replacementsPerHour: 3,
} as const;

/** Whether `name` can be claimed: 1 to 32 of `[a-z0-9._-]`. */
export function isName(name: string): boolean {
  return /^[a-z0-9._-]{1,32}$/.test(name);
}
