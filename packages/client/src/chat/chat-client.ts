import { bytesEqual, idText, isName, LIMITS, ProtocolError } from "@parley/protocol";
import type { DeviceAddress } from "@parley/protocol";
import { createLeafCredential, formatInviteLink, inviteSecretHash, joinMac, Secret } from "@parley/trust";
import type { HostAddress, Signer } from "@parley/trust";
import type { Clock } from "../connection/clock.ts";
import { ConnectionError } from "../connection/connection.ts";
import type { Delivery, RelayConnection } from "../connection/connection.ts";
import { startRelayLink } from "../connection/relay-link.ts";
import type { RelayLink, RelayLinkOptions } from "../connection/relay-link.ts";
import { ROOM_TEXT_LIMITS } from "../content/room-content.ts";
import { MlsError } from "../mls/index.ts";
import type { AuthenticationService, MlsEngine } from "../mls/index.ts";
import { AccountDirectory } from "../rooms/account-directory.ts";
import type { Contact } from "../rooms/account-directory.ts";
import { DirectoryUnavailable } from "../rooms/directory.ts";
import { sealInboxItem } from "../rooms/inbox-item.ts";
import { Inbox } from "../rooms/inbox.ts";
import type { StoredInvitation, StoredInviteLink } from "../rooms/inbox.ts";
import { addPeople } from "../rooms/invitations.ts";
import { KeyPackageSupply, POST_QUANTUM_SUITE } from "../rooms/key-package-supply.ts";
import { decodePolicy, encodePolicy, newRoomPolicy, withRole } from "../rooms/policy.ts";
import type { RoomRole } from "../rooms/policy.ts";
import { ChangeSet, loadRoomRecords, putRoomRecord } from "../rooms/room-record.ts";
import type { RoomRecord } from "../rooms/room-record.ts";
import { Room } from "../rooms/room.ts";
import type { RoomContext } from "../rooms/room-work.ts";
import { decodeRecord, encodeRecord } from "../store/record.ts";
import type { ClientStore } from "../store/client-store.ts";
import { ChatError } from "./chat.ts";
import type { Chat, ChatSnapshot, Member, Role, ServerTrust, TimelinePage } from "./chat.ts";
import { memberList, roomSummary, roomTimeline, shownPage } from "./room-view.ts";

const ROOM_ID_BYTES = 16;
const ROOM_KEY_BYTES = 32;
const SECRET_BYTES = 32;
const DEFAULT_LINK_LIFETIME_MS = 24 * 60 * 60 * 1000;
const GREETING_KEY = "greeting";

/** The recovery words of sign-up, until the user has confirmed that they are written down. */
export interface RecoveryWordsReminder {
  /** Where they lie; undefined when they have been confirmed. */
  file(): string | undefined;
  /** Compares; removes the file and answers true when they are the same. */
  confirm(words: string): Promise<boolean>;
}

/** What a running chat is made of. Everything but the store belongs to one account on one device. */
export interface ChatParts {
  readonly store: ClientStore;
  readonly clock: Clock;
  readonly randomBytes: (length: number) => Uint8Array;
  readonly me: DeviceAddress;
  readonly name: string;
  readonly signer: Signer;
  /** Where the relay is, as it stands in links. */
  readonly address: HostAddress;
  readonly serverId: Uint8Array;
  /** What is known of the server before it is reached. */
  readonly server: ServerTrust;
  readonly connect: RelayLinkOptions["connect"];
  readonly createEngine: (authenticationService: AuthenticationService) => MlsEngine;
  readonly recoveryWords: RecoveryWordsReminder;
  /** A fault that nobody waits for: told to the operator of this client, never to others. */
  readonly onFault: (error: unknown) => void;
}

/** The invite that brought this account here: its maker lets us into their room when we prove that we came by it. */
export interface Greeting {
  readonly inviter: Uint8Array;
  readonly invite: Uint8Array;
  readonly secret: Uint8Array;
  readonly room?: Uint8Array | undefined;
  /** The relay has it. */
  readonly posted: boolean;
}

/** Puts the greeting among the first things an account stores. */
export function greetingChange(greeting: Greeting) {
  return { kind: "put", collection: "value", key: GREETING_KEY, value: encodeRecord(greeting) } as const;
}

/** Opens what the store holds and starts to connect. */
export async function startChat(parts: ChatParts): Promise<Chat> {
  const client = new ChatClient(parts);
  await client.open();
  return client;
}

class ChatClient implements Chat {
  readonly #parts: ChatParts;
  readonly #directory: AccountDirectory;
  readonly #engine: MlsEngine;
  readonly #context: RoomContext;
  readonly #supply: KeyPackageSupply;
  readonly #inbox: Inbox;
  readonly #rooms = new Map<string, Room>();
  readonly #invitations = new Map<string, StoredInvitation>();
  readonly #listeners = new Set<() => void>();
  readonly #timelineListeners = new Map<string, Set<() => void>>();
  readonly #identityFor: (leafKey: Uint8Array) => Promise<Uint8Array>;
  #link: RelayLink | undefined;
  #snapshot: ChatSnapshot | undefined;
  #greeting: Greeting | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: ChatParts) {
    this.#parts = parts;
    const { store, clock, me, signer, name, randomBytes } = parts;
    const connection = () => this.#link?.connection();
    this.#directory = new AccountDirectory({ store, clock, connection });
    this.#engine = parts.createEngine({
      validateLeaf: async ({ identity, signatureKey, situation }) => {
        await this.#directory.requireLeaf(identity, signatureKey, situation === "entering");
        return true;
      },
    });
    this.#identityFor = (leafKey) => createLeafCredential(signer, me, leafKey);
    this.#context = { me, myName: name, store, engine: this.#engine, directory: this.#directory, clock, randomBytes };
    this.#supply = new KeyPackageSupply({ store, engine: this.#engine, identityFor: this.#identityFor, clock });
    this.#inbox = new Inbox({ store, directory: this.#directory, me, serverId: parts.serverId, clock });
  }

  async open(): Promise<void> {
    const { store } = this.#parts;
    for (const record of loadRoomRecords(store)) await this.#adopt(record).load();
    for (const [id, value] of store.range("invitation")) {
      this.#invitations.set(id, decodeRecord<StoredInvitation>(value));
    }
    const greeting = store.get("value", GREETING_KEY);
    this.#greeting = greeting && decodeRecord<Greeting>(greeting);
    this.#link = startRelayLink({
      connect: this.#parts.connect,
      clock: this.#parts.clock,
      random: Math.random,
      onConnected: (connection) => this.#connected(connection),
      onDelivery: (delivery, connection) => this.#delivered(delivery, connection),
      onDisconnected: () => {
        for (const room of this.#rooms.values()) room.disconnected();
      },
    });
    this.#link.subscribe(() => this.#changed());
  }

  snapshot(): ChatSnapshot {
    this.#snapshot ??= this.#makeSnapshot();
    return this.#snapshot;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  timeline(room: string, options: { readonly limit: number; readonly before?: string }): TimelinePage {
    return shownPage(this.#room(room), this.#context, options);
  }

  subscribeTimeline(room: string, listener: () => void): () => void {
    let listeners = this.#timelineListeners.get(room);
    if (!listeners) this.#timelineListeners.set(room, (listeners = new Set()));
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  members(room: string): readonly Member[] {
    return memberList(this.#room(room), this.#context, this.#directory);
  }

  async createRoom(name: string): Promise<string> {
    const trimmed = requireText(name, "nameBytes", "a room's name");
    if (trimmed === "") throw new ChatError("name-invalid", "a room needs a name");
    return this.#makeRoom(trimmed, false);
  }

  async openDirect(person: string): Promise<string> {
    const contact = await this.#person(person);
    if (bytesEqual(contact.account, this.#parts.me.account)) {
      throw new ChatError("not-allowed", "that is you; /room makes a room for your own notes");
    }
    const known = [...this.#rooms.values()].find(
      (room) => room.open && room.record.direct && this.#isMember(room, contact.account),
    );
    if (known) return known.roomText;
    const id = await this.#makeRoom(contact.name, true);
    await this.#invite(this.#room(id), [contact]);
    return id;
  }

  async invite(room: string, people: readonly string[]): Promise<void> {
    const target = this.#room(room);
    const contacts: Contact[] = [];
    for (const name of people) contacts.push(await this.#person(name));
    const already = contacts.filter(({ account }) => this.#isMember(target, account));
    if (already.length === contacts.length && already[0]) {
      throw new ChatError("already-member", `${already.map(({ name }) => name).join(", ")} already in this room`);
    }
    if (target.record.direct) throw new ChatError("not-allowed", "a direct room stays one of two people");
    await this.#invite(target, contacts);
  }

  async acceptInvitation(id: string): Promise<string> {
    const invitation = this.#invitations.get(id);
    if (!invitation) throw new ChatError("no-such-invitation", "there is no such invitation");
    const room = await this.#join(id, invitation, "active");
    room.send({ kind: "joined" });
    return room.roomText;
  }

  /** Declining is joining unseen and leaving at once: the members see that nobody is behind the leaf. */
  async declineInvitation(id: string): Promise<void> {
    const invitation = this.#invitations.get(id);
    if (!invitation) throw new ChatError("no-such-invitation", "there is no such invitation");
    await this.#join(id, invitation, "leaving");
  }

  async leaveRoom(room: string): Promise<void> {
    await online(() => this.#room(room).leave());
  }

  async removeMember(room: string, person: string): Promise<void> {
    const target = this.#room(room);
    const contact = await this.#person(person);
    if (bytesEqual(contact.account, this.#parts.me.account)) return this.leaveRoom(room);
    const role = target.roleOf(contact.account);
    if (!target.may(role === "member" ? "admin" : "owner")) {
      throw new ChatError("not-allowed", `only ${role === "member" ? "an admin" : "an owner"} may remove ${person}`);
    }
    if (!this.#isMember(target, contact.account)) throw new ChatError("no-such-person", `${person} is not in this room`);
    await online(() =>
      target.commit((group) => {
        const leaves = target.leaves(group, new Set([idText(contact.account)]));
        return leaves.length > 0 ? { request: { remove: leaves } } : undefined;
      }),
    );
  }

  async renameRoom(room: string, name: string): Promise<void> {
    const target = this.#room(room);
    const trimmed = requireText(name, "nameBytes", "a room's name");
    if (trimmed === "") throw new ChatError("name-invalid", "a room needs a name");
    if (target.record.direct) throw new ChatError("not-allowed", "a direct room has the other person's name");
    if (!target.may("admin")) throw new ChatError("not-allowed", "only an admin may name this room");
    target.send({ kind: "name", name: trimmed });
  }

  async setTopic(room: string, topic: string): Promise<void> {
    const target = this.#room(room);
    const trimmed = requireText(topic, "topicBytes", "a topic");
    if (!target.may("admin")) throw new ChatError("not-allowed", "only an admin may set the topic here");
    target.send({ kind: "topic", topic: trimmed });
  }

  async setRole(room: string, person: string, role: Role): Promise<void> {
    const target = this.#room(room);
    const contact = await this.#person(person);
    if (!target.may("owner")) throw new ChatError("not-allowed", "only an owner may change roles");
    if (!this.#isMember(target, contact.account)) throw new ChatError("no-such-person", `${person} is not in this room`);
    await online(() =>
      target.commit((group) => {
        if (!group.policy) throw new ChatError("internal", "the room has no rules");
        const policy = encodePolicy(withRole(decodePolicy(group.policy), contact.account, role satisfies RoomRole));
        return bytesEqual(policy, group.policy) ? undefined : { request: { policy } };
      }),
    );
  }

  async send(room: string, text: string): Promise<string> {
    if (new TextEncoder().encode(text).length > LIMITS.messageTextBytes) {
      throw new ChatError("too-long", `a message holds ${LIMITS.messageTextBytes / 1024} KiB`);
    }
    return this.#room(room).send({ kind: "text", text });
  }

  async retry(message: string): Promise<void> {
    const room = [...this.#rooms.values()].find(({ outbox }) => outbox.retry(message));
    if (!room) return;
    this.#changed();
    this.#timelineChanged(room.roomText);
    room.flush();
  }

  markRead(room: string): void {
    this.#background(this.#room(room).markRead());
  }

  async createInviteLink({ room, ttlMs = DEFAULT_LINK_LIFETIME_MS }: { readonly room?: string; readonly ttlMs?: number }) {
    const { randomBytes, address, serverId, me, clock, store } = this.#parts;
    const target = room === undefined ? undefined : this.#room(room);
    if (target?.record.direct) throw new ChatError("not-allowed", "a direct room stays one of two people");
    const id = randomBytes(ROOM_ID_BYTES);
    const secret = new Secret(randomBytes(SECRET_BYTES));
    const expiresAtMs = clock.nowMs() + Math.min(ttlMs, LIMITS.inviteLifetimeMs);
    const link: StoredInviteLink = { secret: secret.expose(), room: target?.record.room, expiresAtMs };
    store.write([{ kind: "put", collection: "invite-link", key: idText(id), value: encodeRecord(link) }]);
    const secretHash = inviteSecretHash(secret);
    await online(() =>
      this.#online().request({ kind: "create-invite", id, secretHash, expiresAtMs, uses: 1 }, "done"),
    );
    return formatInviteLink({
      ...address,
      serverId,
      inviter: me.account,
      id,
      secret,
      expiresAtMs,
      room: target?.record.room,
      checkpoint: undefined,
    });
  }

  async confirmRecoveryWords(words: string): Promise<void> {
    if (!(await this.#parts.recoveryWords.confirm(words))) throw new ChatError("wrong-words", "these are other words");
    this.#changed();
  }

  reconnect(): void {
    this.#link?.reconnect();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#link?.close();
    for (const room of this.#rooms.values()) await room.close();
    this.#parts.store.close();
  }

  #makeSnapshot(): ChatSnapshot {
    const { me, name, server, recoveryWords } = this.#parts;
    const rooms = [...this.#rooms.values()].sort((a, b) => a.record.createdAtMs - b.record.createdAtMs);
    const invitations = [...this.#invitations].map(([id, invitation]) => ({
      id,
      from: this.#directory.nameOf(invitation.from),
      direct: invitation.direct,
      receivedAtMs: invitation.receivedAtMs,
    }));
    return {
      me: { account: idText(me.account), name, device: me.device },
      connection: this.#link?.state() ?? { kind: "connecting" },
      server: this.#link?.server() ?? server,
      rooms: rooms
        .filter(({ record }) => record.state !== "left" && record.state !== "leaving")
        .map((room) => roomSummary(room, this.#context)),
      invitations,
      recoveryWordsFile: recoveryWords.file(),
      queued: rooms.reduce((sum, { outbox }) => sum + outbox.waiting, 0),
    };
  }

  #adopt(record: RoomRecord): Room {
    const roomText = idText(record.room);
    const timeline = roomTimeline(this.#context, roomText);
    const room = new Room({
      context: this.#context,
      record,
      timeline,
      identityFor: this.#identityFor,
      events: {
        changed: () => this.#changed(),
        timelineChanged: () => this.#timelineChanged(roomText),
        resume: () => this.#background(this.#resume([room])),
        failed: this.#parts.onFault,
      },
    });
    this.#rooms.set(roomText, room);
    return room;
  }

  async #connected(connection: RelayConnection): Promise<void> {
    for (const room of this.#rooms.values()) {
      if (room.record.unborn) await this.#bear(room, connection);
    }
    await this.#resume([...this.#rooms.values()].filter((room) => room.open));
    await this.#supply.topUp(connection, connection.session.stock);
    await this.#greet(connection);
    for (const [key, value] of this.#parts.store.range("invite-link")) {
      const link = decodeRecord<StoredInviteLink>(value);
      if (link.usedBy) this.#background(this.#admitGuest(key, link.usedBy));
    }
  }

  async #resume(rooms: readonly Room[]): Promise<void> {
    const connection = this.#link?.connection();
    if (!connection) return;
    const cursors = rooms.map(({ record }) => ({ room: record.room, after: record.cursor }));
    const request = { kind: "resume", rooms: cursors, inboxAfter: this.#inbox.cursor } as const;
    const answer = await connection.request(request, "rooms");
    const known = new Set(answer.rooms.map(({ room }) => idText(room)));
    for (const room of rooms) if (!known.has(room.roomText)) await room.removedByRelay(connection);
  }

  async #delivered(delivery: Delivery, connection: RelayConnection): Promise<void> {
    switch (delivery.kind) {
      case "entry":
        return this.#rooms.get(idText(delivery.entry.room))?.deliver(delivery.bytes.slice(), delivery.entry);
      case "live":
        return this.#rooms.get(idText(delivery.room))?.live(connection);
      case "removed":
        return this.#rooms.get(idText(delivery.room))?.removedByRelay(connection);
      case "lagging":
        return this.#resume([...this.#rooms.values()].filter((room) => room.open));
      case "inbox-item": {
        const outcome = await this.#inbox.process(delivery, connection);
        if (outcome.kind === "guest") this.#background(this.#admitGuest(outcome.link, outcome.account));
        if (outcome.kind === "invitation") this.#invited(outcome.id, outcome.invitation);
      }
    }
  }

  /** An invitation by the one whose link brought us here was accepted by following that link. */
  #invited(id: string, invitation: StoredInvitation): void {
    this.#invitations.set(id, invitation);
    this.#changed();
    const greeting = this.#greeting;
    const expected =
      greeting?.room && bytesEqual(greeting.room, invitation.room) && bytesEqual(greeting.inviter, invitation.from);
    if (!expected) return;
    this.#background(
      this.acceptInvitation(id).then(() => {
        this.#greeting = undefined;
        this.#parts.store.write([{ kind: "delete", collection: "value", key: GREETING_KEY }]);
      }),
    );
  }

  async #greet(connection: RelayConnection): Promise<void> {
    const greeting = this.#greeting;
    if (!greeting || greeting.posted) return;
    const { me, signer, serverId, store } = this.#parts;
    const { inviter, invite } = greeting;
    const secret = new Secret(greeting.secret);
    const mac = joinMac({ secret, account: me.account, deviceKey: signer.publicKey, serverId });
    const item = await sealInboxItem({ kind: "join-request", invite, mac }, { sender: me, signer, recipient: inviter });
    await connection.request({ kind: "post-inbox", account: inviter, item }, "done");
    await this.#directory.deviceKey({ account: inviter, device: 1 });
    const posted: Greeting = { ...greeting, posted: true };
    store.write([greetingChange(posted), await this.#directory.check(inviter, "invite")]);
    this.#greeting = posted;
  }

  /** Lets the guest of an invite link into the link's room; the link is done with when that has happened. */
  async #admitGuest(link: string, account: Uint8Array): Promise<void> {
    const { store } = this.#parts;
    const value = store.get("invite-link", link);
    if (!value) return;
    const { room } = decodeRecord<StoredInviteLink>(value);
    const target = room && this.#rooms.get(idText(room));
    const guest = this.#directory.contact(account);
    if (target?.open && guest && !this.#isMember(target, account)) await this.#invite(target, [guest]);
    store.write([{ kind: "delete", collection: "invite-link", key: link }]);
  }

  async #makeRoom(name: string, direct: boolean): Promise<string> {
    const { randomBytes, me, clock, store } = this.#parts;
    const connection = this.#online();
    const room = randomBytes(ROOM_ID_BYTES);
    const step = await this.#engine.create({
      groupId: room,
      suite: POST_QUANTUM_SUITE,
      identityFor: this.#identityFor,
      policy: encodePolicy(newRoomPolicy(me.account, direct)),
    });
    const nowMs = clock.nowMs();
    const record: RoomRecord = { ...emptyRecord(room, nowMs), name, direct, key: randomBytes(ROOM_KEY_BYTES), unborn: true };
    const changes = new ChangeSet();
    changes.group(idText(room), step.changes);
    putRoomRecord(changes, idText(room), record);
    store.write(changes.list());
    const born = this.#adopt(record);
    born.setGroup(step.settle());
    await online(() => this.#bear(born, connection));
    await online(() => this.#resume([born]));
    this.#changed();
    return born.roomText;
  }

  /** Makes the relay know a room that so far is only on this device's disk. */
  async #bear(room: Room, connection: RelayConnection): Promise<void> {
    try {
      await connection.request({ kind: "create-room", room: room.record.room }, "done");
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.code !== "already-exists") throw error;
    }
    await room.born();
  }

  async #join(id: string, invitation: StoredInvitation, state: "active" | "leaving"): Promise<Room> {
    const { store, clock } = this.#parts;
    const found = this.#supply.find(invitation.welcome);
    if (!found) {
      this.#forgetInvitation(id);
      throw new ChatError("no-such-invitation", "this invitation was made for keys this device no longer has; ask for a new one");
    }
    const { room, epoch } = invitation;
    const tree = await online(() => this.#online().request({ kind: "room-state", room, epoch }, "room-state"));
    const { keyPackage, secret, used } = found;
    const step = await this.#joined({ welcome: invitation.welcome, ratchetTree: tree.state, keyPackage, secret });
    const nowMs = clock.nowMs();
    const record: RoomRecord = {
      ...emptyRecord(room, nowMs),
      direct: invitation.direct,
      state,
      cursor: tree.seq,
      head: tree.head.slice(),
      joinedAtSeq: tree.seq,
      lastReadSeq: tree.seq,
      name: invitation.direct ? this.#directory.nameOf(invitation.from) : `${this.#directory.nameOf(invitation.from)}'s room`,
    };
    const changes = new ChangeSet();
    changes.group(idText(room), step.changes);
    putRoomRecord(changes, idText(room), record);
    changes.delete("invitation", id);
    store.write([...changes.list(), ...used]);
    this.#invitations.delete(id);
    const joined = this.#adopt(record);
    joined.setGroup(step.settle());
    this.#changed();
    await online(() => this.#resume([joined]));
    return joined;
  }

  async #joined(request: Parameters<MlsEngine["join"]>[0]) {
    try {
      return await this.#engine.join(request);
    } catch (error) {
      if (error instanceof MlsError && error.cause instanceof DirectoryUnavailable) throw offline();
      if (error instanceof MlsError) throw new ChatError("refused", "this invitation does not hold; nothing was joined");
      throw error;
    }
  }

  #forgetInvitation(id: string): void {
    this.#invitations.delete(id);
    this.#parts.store.write([{ kind: "delete", collection: "invitation", key: id }]);
    this.#changed();
  }

  async #invite(room: Room, people: readonly Contact[]): Promise<void> {
    const { me, signer } = this.#parts;
    const inviter = { me, signer, engine: this.#engine, directory: this.#directory };
    const unreachable = await online(() => addPeople(inviter, room, people, this.#online()));
    if (unreachable.length === 0) return;
    const names = unreachable.map(({ name }) => name).join(", ");
    throw new ChatError("unreachable", `${names} cannot be reached: no device of theirs has keys at the relay`);
  }

  async #person(name: string): Promise<Contact> {
    const plain = name.replace(/^@/, "").toLowerCase();
    if (!isName(plain)) throw new ChatError("no-such-person", `nobody can be called ${JSON.stringify(name)}`);
    return online(() => this.#directory.byName(plain));
  }

  #isMember(room: Room, account: Uint8Array): boolean {
    const members = room.loadedGroup?.members() ?? [];
    return members.some(({ identity }) => bytesEqual(this.#directory.addressOf(identity).account, account));
  }

  #room(id: string): Room {
    const room = this.#rooms.get(id);
    if (!room) throw new ChatError("no-such-room", "there is no such room");
    return room;
  }

  #online(): RelayConnection {
    const connection = this.#link?.connection();
    if (!connection) throw offline();
    return connection;
  }

  #background(task: Promise<unknown>): void {
    task.catch((error: unknown) => {
      if (error instanceof ConnectionError || error instanceof DirectoryUnavailable) return;
      if (error instanceof ChatError && error.retryable) return;
      this.#parts.onFault(error);
    });
  }

  #changed(): void {
    this.#snapshot = undefined;
    for (const listener of [...this.#listeners]) listener();
  }

  #timelineChanged(room: string): void {
    for (const listener of [...(this.#timelineListeners.get(room) ?? [])]) listener();
  }
}

function emptyRecord(room: Uint8Array, nowMs: number): RoomRecord {
  return {
    room,
    name: "",
    topic: "",
    direct: false,
    key: new Uint8Array(0),
    state: "active",
    cursor: 0,
    head: new Uint8Array(32),
    joinedAtSeq: 0,
    createdAtMs: nowMs,
    lastReadSeq: 0,
    unread: 0,
    mentions: 0,
    lastActivityMs: nowMs,
  };
}

function requireText(text: string, limit: keyof typeof ROOM_TEXT_LIMITS, what: string): string {
  const trimmed = text.trim();
  if (new TextEncoder().encode(trimmed).length > ROOM_TEXT_LIMITS[limit]) {
    throw new ChatError("too-long", `${what} holds ${ROOM_TEXT_LIMITS[limit]} bytes`);
  }
  return trimmed;
}

function offline(): ChatError {
  return new ChatError("offline", "not connected: this needs the relay");
}

/** Runs a command that needs the relay; what goes wrong on the way becomes a ChatError. */
async function online<T>(command: () => Promise<T>): Promise<T> {
  try {
    return await command();
  } catch (error) {
    if (error instanceof ConnectionError || error instanceof DirectoryUnavailable) throw offline();
    if (error instanceof ProtocolError) throw new ChatError("refused", `the relay refused (${error.code})`);
    throw error;
  }
}
