import type { RoomLogEntry } from "@parley/protocol";
import {
  bytesEqual,
  decode,
  deviceText,
  idText,
  ProtocolError,
  request as requestCodec,
} from "@parley/protocol";
import { displayName, displayText } from "../chat/display-text.ts";
import type { RoomContent } from "../content/room-content.ts";
import { decodeRoomContent } from "../content/room-content.ts";
import type { Incoming, Member } from "../mls/index.ts";
import { MlsError } from "../mls/index.ts";
import { StoreError } from "../store/client-store.ts";
import { authorizeCommit, NotAuthorised } from "./authorization.ts";
import { describeCommit, outcomeOf } from "./commit-events.ts";
import { DirectoryUnavailable } from "./directory.ts";
import { mentions } from "./mentions.ts";
import type { RoomRole } from "./policy.ts";
import { atLeast, decodePolicy, effectiveRoles } from "./policy.ts";
import type { PendingCommit } from "./room-record.ts";
import { comeBack, fallenBehind, sameDevice } from "./room-record.ts";
import { rewind } from "./room-rewind.ts";
import type { RoomWork } from "./room-work.ts";

/** The relay sent an entry that does not follow the last one: this connection is of no more use. */
export class LogOutOfOrder extends Error {
  override readonly name = "LogOutOfOrder";
}

/**
 * Processes one entry of the room's log into `work`. Entries seen before are passed over.
 *
 * Throws {@link LogOutOfOrder}, {@link DirectoryUnavailable} and StoreError; `work` is then to be thrown away, and the
 * entry comes again. Anything else that is wrong with an entry is shown in the timeline and does not stop the room.
 */
export async function processEntry(work: RoomWork, bytes: Uint8Array, entry: RoomLogEntry): Promise<void> {
  const { record } = work;
  if (entry.seq <= record.cursor) {
    if (!work.differsFromKnown(entry, bytes)) return;
    const { restored: generation } = work;
    if (generation === undefined) {
      work.contradicted = true;
      return;
    }
    rewind(work, { seq: entry.seq - 1, epoch: entry.epoch, generation });
  }
  if (entry.seq !== record.cursor + 1) throw new LogOutOfOrder(`entry ${entry.seq} after ${record.cursor}`);
  work.advance(entry, bytes);
  if (!work.group && record.state !== "repairing") return;
  try {
    await processNext(work, entry);
  } catch (error) {
    if (error instanceof DirectoryUnavailable || error instanceof StoreError) throw error;
    work.faults.push(error);
    if (entry.kind === "commit") fallBehind(work, entry, "this program failed at a change");
    else addGap(work, entry, "this program failed at it", "it was left out");
  }
}

function processNext(work: RoomWork, entry: RoomLogEntry): Promise<void> | void {
  const own = sameDevice(entry.sender, work.context.me);
  if (entry.kind === "commit") return processCommit(work, entry, own);
  return own ? processOwn(work, entry) : processOthers(work, entry);
}

/** An own message has come back: its place in the log is known now. */
function processOwn(work: RoomWork, entry: RoomLogEntry): void {
  if (entry.kind === "proposal") {
    work.followUps.add("commit-proposals");
    return;
  }
  const item = work.takeFromOutbox(idText(entry.clientId), entry.message);
  if (item === "altered") {
    addGap(work, entry, "the relay put it in the place of a message of yours", "send that message again");
    return;
  }
  if (!item) {
    addGap(work, entry, "this device sent it before it lost its keys", "nothing can be done");
    return;
  }
  applyContent(work, entry, work.context.me.account, item.content as RoomContent);
}

async function processOthers(work: RoomWork, entry: RoomLogEntry): Promise<void> {
  const incoming = await readMessage(work, entry);
  if (!incoming) return;
  if (incoming.kind === "proposal") {
    work.followUps.add("commit-proposals");
    return;
  }
  if (incoming.kind !== "application") {
    addGap(work, entry, "it is not what the relay said it was", "it was left out");
    return;
  }
  const sender = work.context.directory.addressOf(incoming.sender.identity);
  if (!sameDevice(sender, entry.sender)) {
    tellLie(work, entry, { what: "a message", by: sender });
  }
  try {
    const { content, head, tree } = decodeRoomContent(incoming.plaintext);
    if (tree) work.context.gossip.heard(work.roomText, work.context.directory.nameOf(sender.account), tree);
    if (head && work.agreesWithHead(head.seq, head.hash) === false) {
      const name = work.context.directory.nameOf(sender.account);
      work.addEvent(entry.receivedAtMs, `the relay shows ${name} another history of this room than you`);
    }
    if (content.kind === "comparison" || content.kind === "vouch") {
      const { roomText: room, record } = work;
      const atMs = entry.receivedAtMs;
      const told = work.context.people.heard({ room, direct: record.direct, sender, atMs, content });
      if (told !== undefined) work.addEvent(atMs, told);
    }
    applyContent(work, entry, sender.account, content);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    addGap(work, entry, "the sender's program wrote it wrongly", "it was left out");
  }
}

/** Decrypts a message or proposal; undefined when it cannot be read, which is then in the timeline. */
async function readMessage(work: RoomWork, entry: RoomLogEntry): Promise<Incoming | undefined> {
  const { group, record } = work;
  if (!group || record.state === "repairing") {
    extendGap(work, entry, "this device has lost its place in the room", "it is coming back by itself");
    return undefined;
  }
  try {
    return work.settle(await group.process(entry.message, refuseCommit));
  } catch (error) {
    if (!(error instanceof MlsError)) throw error;
    if (error.code === "future-epoch") {
      if (record.refused) extendGap(work, entry, "it follows a change that was refused", "it was left out");
      else fallBehind(work, entry, "it belongs to a state this device has not reached");
      return undefined;
    }
    addGap(work, entry, UNREADABLE[error.code] ?? "it is damaged", "it was left out");
    return undefined;
  }
}

const UNREADABLE: Partial<Record<MlsError["code"], string>> = {
  unauthenticated: "it is damaged or forged",
  replayed: "it was sent twice",
  gap: "too many messages before it are missing",
  "wrong-epoch": "it was made with keys that are gone",
};

function refuseCommit(): void {
  throw new NotAuthorised("a commit in the place of a message");
}

async function processCommit(work: RoomWork, entry: RoomLogEntry, own: boolean): Promise<void> {
  const { record, pending } = work;
  const mine = own && pending !== undefined && bytesEqual(pending.clientId, entry.clientId);
  const alteration = mine ? alterationOf(pending, entry) : undefined;
  if (mine && !alteration) return putIntoForce(work, entry, pending);
  // The relay takes one commit for an epoch: what was on its way for this one has lost.
  if (mine || (pending && pending.epoch <= entry.epoch)) work.decide("beaten");
  // docs/protocol.md §5.4: a replacement counts only for those who refused what it replaces.
  const replacesRefused = entry.replaces !== 0 && record.refused?.seq === entry.replaces;
  if (entry.replaces !== 0 && !replacesRefused) return;
  if (!work.group || (record.state === "repairing" && !replacesRefused)) {
    extendGap(work, entry, "this device has lost its place in the room", "it is coming back by itself");
    return;
  }
  if (alteration) return refuse(work, entry, alteration);
  try {
    const step = await work.group.process(entry.message, (changes) =>
      authorizeCommit(changes, entry, (identity) => work.context.directory.addressOf(identity)),
    );
    const incoming = work.settle(step);
    record.refused = undefined;
    if (record.state === "repairing") Object.assign(record, comeBack(record));
    if (incoming.kind !== "commit" && incoming.kind !== "removed") return;
    const committer = work.context.directory.addressOf(incoming.changes.committer.identity);
    if (!sameDevice(committer, entry.sender)) tellLie(work, entry, { what: "a change", by: committer });
    describeCommit(work, entry, outcomeOf(work, incoming.changes));
    if (incoming.changes.external && isFirstBeside(work, committer.account)) work.followUps.add("tell-state");
    if (incoming.kind === "removed") goOut(work);
  } catch (error) {
    refuse(work, entry, error);
  }
}

/** How the relay changed this device's own commit: in the way in which the other members find fault with it. */
function alterationOf(pending: PendingCommit, entry: RoomLogEntry): MlsError | undefined {
  const sent = decode(requestCodec, pending.request);
  if (sent.kind !== "commit" || !bytesEqual(sent.message, entry.message)) {
    return new MlsError("unauthenticated", "the relay altered an own commit");
  }
  const devices = (addresses: RoomLogEntry["added"]) => addresses.map(deviceText).join();
  const same =
    sent.epoch === entry.epoch &&
    sent.replaces === entry.replaces &&
    devices(sent.added.map(({ device }) => device)) === devices(entry.added) &&
    devices(sent.removed) === devices(entry.removed);
  if (same) return undefined;
  const cause = new NotAuthorised("the relay altered what was said about it");
  return new MlsError("unauthorised", "the relay altered an own commit", { cause });
}

/** The relay accepted this device's own commit. */
async function putIntoForce(work: RoomWork, entry: RoomLogEntry, pending: PendingCommit): Promise<void> {
  work.decide("accepted");
  try {
    await mergeOwn(work, entry, pending);
    work.record.refused = undefined;
  } catch (error) {
    if (!(error instanceof MlsError)) throw error;
    work.faults.push(error);
    fallBehind(work, entry, "a change of this device cannot be put into force");
  }
}

async function mergeOwn(work: RoomWork, entry: RoomLogEntry, pending: PendingCommit): Promise<void> {
  const { context, group, record } = work;
  if (pending.rejoin) {
    const before = record.lostCommits ? group?.members() : undefined;
    work.settle(await context.engine.admit(pending.secret));
    Object.assign(record, comeBack(record));
    record.openGap = undefined;
    Object.assign(record, { wantsState: true, heardName: undefined, heardTopic: undefined });
    work.addEvent(
      entry.receivedAtMs,
      "this device is back in the room; messages before this line may be missing",
    );
    record.lostCommits = undefined;
    for (const name of namesGone(work, before ?? []))
      work.addEvent(entry.receivedAtMs, `${name} came in after the backup: invite them again`);
  } else if (group) {
    const before = { members: group.members(), policy: group.policy };
    work.settle(await group.merge(pending.secret));
    const after = { members: work.group?.members() ?? [], policy: work.group?.policy };
    const by = context.me.account;
    describeCommit(work, entry, { before, after, leavers: new Set(pending.leavers), by });
  }
}

/** Who was among `before` and is in the group no more. */
function namesGone({ group, context: { directory } }: RoomWork, before: readonly Member[]): Set<string> {
  const accounts = (members: readonly Member[]) =>
    members.map(({ identity }) => directory.addressOf(identity).account);
  const present = new Set(accounts(group?.members() ?? []).map(idText));
  const gone = accounts(before).filter((account) => !present.has(idText(account)));
  return new Set(gone.map((account) => directory.nameOf(account)));
}

function tellLie(
  work: RoomWork,
  entry: RoomLogEntry,
  { what, by }: { readonly what: string; readonly by: RoomLogEntry["sender"] },
): void {
  const [said, was] = [entry.sender, by].map(({ account }) => work.context.directory.nameOf(account));
  work.addEvent(entry.receivedAtMs, `the relay said ${what} was from ${said}, but it is from ${was}`);
}

/** This device is out of the room: its keys go, what was read stays. */
function goOut(work: RoomWork): void {
  work.record.state = work.record.state === "leaving" ? "left" : "removed";
  work.record.key = new Uint8Array(0);
  work.record.refused = undefined;
  work.record.leaveProposal = undefined;
  work.record.stateBeforeRelayRemoval = undefined;
  work.group = undefined;
  work.decide("beaten");
  work.changes.forgetGroup(work.roomText);
}

/** A commit the relay accepted and this device does not (docs/protocol.md §5.4). */
function refuse(work: RoomWork, entry: RoomLogEntry, error: unknown): void {
  if (!(error instanceof MlsError)) throw error;
  if (error.cause instanceof DirectoryUnavailable) throw error.cause;
  const name = work.context.directory.nameOf(entry.sender.account);
  work.record.refused = { seq: entry.seq, epoch: entry.epoch };
  if (error.cause instanceof NotAuthorised) {
    work.followUps.add("replace");
    work.addEvent(entry.receivedAtMs, `a change by ${name} was refused: ${error.cause.message}`);
    return;
  }
  fallBehind(work, entry, `a change by ${name} cannot be followed`);
}

/** This device can no longer follow the room: everything goes into one gap until it is back. */
function fallBehind(work: RoomWork, entry: RoomLogEntry, cause: string): void {
  Object.assign(work.record, fallenBehind(work.record));
  work.followUps.add("rejoin");
  extendGap(work, entry, cause, "this device is coming back by itself");
}

function addGap(work: RoomWork, entry: RoomLogEntry, cause: string, action: string): void {
  const { seq, receivedAtMs: atMs } = entry;
  work.addItem({ kind: "gap", seq, toSeq: seq, atMs, cause, action });
}

function extendGap(work: RoomWork, entry: RoomLogEntry, cause: string, action: string): void {
  const open = work.record.openGap;
  const gap = open === undefined ? undefined : work.getItem(open);
  if (open !== undefined && gap?.kind === "gap" && gap.cause === cause) {
    work.putItem(open, { ...gap, toSeq: entry.seq });
    return;
  }
  const { seq, receivedAtMs: atMs } = entry;
  work.record.openGap = work.addItem({ kind: "gap", seq, toSeq: seq, atMs, cause, action });
}

function applyContent(work: RoomWork, entry: RoomLogEntry, account: Uint8Array, content: RoomContent): void {
  if (content.kind === "text") applyText(work, entry, account, content.text);
  else applyState(work, entry, account, content);
}

function applyText(work: RoomWork, entry: RoomLogEntry, account: Uint8Array, text: string): void {
  const { record, context } = work;
  const { seq, receivedAtMs: atMs } = entry;
  const expiresAtMs = expiryOf(work, atMs);
  if (expiresAtMs !== undefined && expiresAtMs <= context.clock.nowMs()) {
    return extendGap(work, entry, "their time was up before they got here", "this room's messages disappear");
  }
  record.openGap = undefined;
  const mine = bytesEqual(account, context.me.account);
  const mentionsMe = !mine && mentions(text, context.myName);
  work.addItem({ kind: "message", seq, atMs, account, text, mentionsMe, expiresAtMs });
  record.lastActivityMs = atMs;
  if (mine) return;
  record.unread += 1;
  if (mentionsMe) record.mentions += 1;
}

function applyState(
  work: RoomWork,
  entry: RoomLogEntry,
  account: Uint8Array,
  content: Exclude<RoomContent, { readonly kind: "text" }>,
): void {
  const { record, context } = work;
  const atMs = entry.receivedAtMs;
  const mine = bytesEqual(account, context.me.account);
  record.openGap = undefined;
  const name = context.directory.nameOf(account);
  switch (content.kind) {
    case "state":
      if (record.key.length > 0 && !record.wantsState) return;
      record.wantsState = undefined;
      if (record.key.length === 0) record.key = content.key.slice();
      if (!record.heardName) record.name = displayName(content.name);
      if (!record.heardTopic) record.topic = displayText(content.topic, { multiline: false });
      return;
    case "name":
      if (!may(work, account, "admin")) return work.addEvent(atMs, `${name} may not name this room`);
      record.name = displayName(content.name);
      record.heardName = true;
      return work.addEvent(atMs, `${name} named the room ${record.name}`);
    case "topic":
      if (!may(work, account, "admin")) return work.addEvent(atMs, `${name} may not set the topic here`);
      record.topic = displayText(content.topic, { multiline: false });
      record.heardTopic = true;
      return work.addEvent(
        atMs,
        record.topic ? `${name} set the topic: ${record.topic}` : `${name} took the topic away`,
      );
    case "joined":
      if (mine) return;
      // Whoever invited them may have gone without telling.
      if (isFirstBeside(work, account)) work.followUps.add("tell-state");
      return work.addEvent(atMs, `${name} joined`);
    case "log-alarm":
      return mine ? undefined : context.gossip.heardAlarm(work.roomText, name, content);
    case "comparison":
      return;
    case "vouch":
      return mine ? work.addEvent(atMs, "you told this room whom you have checked, or no longer") : undefined;
    case "unknown":
      return addGap(work, entry, `${name} sent something this version cannot show`, "a newer Parley may");
  }
}

/** When a message goes away by the rules of its epoch. A relay that postdates it gains no time. */
function expiryOf({ group, context }: RoomWork, receivedAtMs: number): number | undefined {
  if (!group?.policy) return undefined;
  const { keepMs } = decodePolicy(group.policy);
  return keepMs === 0 ? undefined : Math.min(receivedAtMs, context.clock.nowMs()) + keepMs;
}

/** Whether this device has the lowest leaf of those that are not of `account`. */
function isFirstBeside({ group, context }: RoomWork, account: Uint8Array): boolean {
  const others = (group?.members() ?? []).filter(
    ({ identity }) => !bytesEqual(context.directory.addressOf(identity).account, account),
  );
  return others[0] !== undefined && others[0].leafIndex === group?.ownLeafIndex;
}

/** Whether `account` has at least the role `least`, by the rules of the epoch the message is of. */
function may(work: RoomWork, account: Uint8Array, least: RoomRole): boolean {
  const { group, context } = work;
  if (!group?.policy) return false;
  const accounts = group.members().map((member) => context.directory.addressOf(member.identity).account);
  return atLeast(
    effectiveRoles(decodePolicy(group.policy), accounts).get(idText(account)) ?? "member",
    least,
  );
}
