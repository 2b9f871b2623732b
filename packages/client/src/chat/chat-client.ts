import { bytesEqual, idText, isName, LIMITS } from "@parley/protocol";
import { createLeafCredential } from "@parley/trust";
import type { Delivery, RelayConnection } from "../connection/connection.ts";
import type { RelayLink } from "../connection/relay-link.ts";
import { startRelayLink } from "../connection/relay-link.ts";
import type { LogAlarm } from "../log/log-watch.ts";
import { LogWatch } from "../log/log-watch.ts";
import { serverLog } from "../log/server-log.ts";
import type { MlsEngine } from "../mls/index.ts";
import { KnownPeople } from "../people/known-people.ts";
import type { People } from "../people/people.ts";
import { StatementBook } from "../people/statement-book.ts";
import { Admission } from "../policy/admission.ts";
import { AdmissionGate } from "../policy/admission-gate.ts";
import { clientPolicy } from "../policy/client-policy.ts";
import { TrustSettings } from "../policy/trust-settings.ts";
import type { Contact } from "../rooms/account-directory.ts";
import { AccountDirectory } from "../rooms/account-directory.ts";
import { DisappearingMessages } from "../rooms/disappearing.ts";
import { Inbox } from "../rooms/inbox.ts";
import { addPeople } from "../rooms/invitations.ts";
import { KeyPackageSupply } from "../rooms/key-package-supply.ts";
import type { Room } from "../rooms/room.ts";
import { RoomRegistry } from "../rooms/room-registry.ts";
import type { RoomContext } from "../rooms/room-work.ts";
import type { Chat, ChatSnapshot, ClientPolicy, Member, Role, ServerLog, TimelinePage } from "./chat.ts";
import { ChatError } from "./chat.ts";
import type { ChatParts } from "./chat-parts.ts";
import { inBackground, offline, online } from "./commands.ts";
import { InviteLinks } from "./invite-links.ts";
import { LinkGuests } from "./link-guests.ts";
import { Listeners } from "./listeners.ts";
import { ReceivedInvitations } from "./received-invitations.ts";
import type { NamedPerson } from "./room-changes.ts";
import { removeMember, renameRoom, requireRoomName, setKeepTime, setRole, setTopic } from "./room-changes.ts";
import { accountsIn, memberList, roomSummary, roomTimeline, shownPage } from "./room-view.ts";

/** The topic of those who hear of the snapshot; a timeline's is its room's id. */
const SNAPSHOT = "snapshot";

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
  readonly #disappearing: DisappearingMessages;
  readonly #supply: KeyPackageSupply;
  readonly #inbox: Inbox;
  readonly #links: InviteLinks;
  readonly #rooms: RoomRegistry;
  readonly #watch: LogWatch;
  readonly #settings: TrustSettings;
  readonly #admission: Admission;
  readonly #gate: AdmissionGate;
  readonly #people: KnownPeople;
  readonly #invitations: ReceivedInvitations;
  readonly #guests: LinkGuests;
  readonly #listeners: Listeners;
  #link: RelayLink | undefined;
  #snapshot: ChatSnapshot | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: ChatParts) {
    this.#parts = parts;
    this.#listeners = new Listeners(parts.onFault);
    const { store, clock, me, signer, name, randomBytes } = parts;
    const connection = () => this.#link?.connection();
    const settings = new TrustSettings({ store, clock });
    const watch = new LogWatch({
      ...parts,
      settings,
      me: { account: me.account, name },
      ownChain: () => directory.contact(me.account)?.chain,
      connection,
      tell: (text, room) => this.#tell(text, room),
      send: (alarm, room) => this.#sendAlarm(alarm, room),
      onChange: () => this.#changed(),
      onWitnessed: () => this.#guests.admitAll(),
    });
    const directory: AccountDirectory = new AccountDirectory({ store, clock, connection, log: watch });
    const engine = parts.createEngine({
      validateLeaf: async ({ identity, signatureKey, situation }) => {
        await directory.requireLeaf(identity, signatureKey, situation === "entering");
        return true;
      },
    });
    const statements = new StatementBook({ store, clock, device: me.device });
    const people = new KnownPeople({
      ...parts,
      directory,
      statements,
      watch,
      person: (person) => this.#person(person),
      openDirect: (person) => this.openDirect(person),
      room: (room) => this.#rooms.get(room),
      members: (room) => accountsIn(this.#rooms.get(room), context).values(),
      onChange: () => this.#changed(),
    });
    const identityFor = (leafKey: Uint8Array) => createLeafCredential(signer, me, leafKey);
    this.#disappearing = new DisappearingMessages({
      store,
      clock,
      gone: (rooms) => this.#messagesGone(rooms),
      failed: parts.onFault,
    });
    const context: RoomContext = {
      me,
      myName: name,
      store,
      engine,
      directory,
      clock,
      randomBytes,
      gossip: watch,
      people,
      disappearing: this.#disappearing,
    };
    this.#people = people;
    this.#watch = watch;
    this.#settings = settings;
    this.#admission = new Admission({
      settings,
      log: watch.witnessed,
      nowMs: () => clock.nowMs(),
      checkOf: (account) => people.checkMethod(account),
    });
    this.#gate = new AdmissionGate({
      admission: this.#admission,
      watch,
      clock,
      connection: () => this.#online(),
      unsafeTestingOpen: parts.unsafeTestingIgnoreWitnesses === true,
    });
    this.#directory = directory;
    this.#engine = engine;
    this.#context = context;
    this.#supply = new KeyPackageSupply({ store, engine, identityFor, clock });
    this.#inbox = new Inbox({ store, directory, statements, me, serverId: parts.serverId, clock });
    this.#links = new InviteLinks({ ...parts, directory, statements, view: () => watch.view });
    this.#rooms = new RoomRegistry({
      context,
      supply: this.#supply,
      inbox: this.#inbox,
      identityFor,
      connection,
      timelineOf: (room) => roomTimeline(context, room),
      onChange: () => this.#changed(),
      onTimelineChange: (room) => this.#timelineChanged(room),
      onFault: parts.onFault,
    });
    this.#guests = new LinkGuests({
      links: this.#links,
      directory,
      watch,
      rooms: this.#rooms,
      invite: (room, people) => this.#invite(room, people),
      tell: (text) => this.#tell(text),
      onFault: parts.onFault,
    });
    this.#invitations = new ReceivedInvitations({
      store,
      rooms: this.#rooms,
      links: this.#links,
      requireInviter: (account) => this.#requireInviter(account),
      onChange: () => this.#changed(),
      onFault: parts.onFault,
    });
  }

  async open(): Promise<void> {
    const { connect, clock } = this.#parts;
    this.#disappearing.sweep();
    await this.#rooms.load();
    this.#invitations.load();
    this.#link = startRelayLink({
      connect,
      clock,
      random: Math.random,
      onConnected: (connection) => this.#connected(connection),
      onDelivery: (delivery, connection) => this.#delivered(delivery, connection),
      onDisconnected: () => {
        this.#watch.disconnected();
        this.#rooms.disconnected();
      },
    });
    this.#link.subscribe(() => this.#changed());
    inBackground(this.#people.open(), this.#parts.onFault);
  }

  snapshot(): ChatSnapshot {
    this.#snapshot ??= this.#makeSnapshot();
    return this.#snapshot;
  }

  subscribe(listener: () => void): () => void {
    return this.#listeners.add(SNAPSHOT, listener);
  }

  timeline(room: string, options: { readonly limit: number; readonly before?: string }): TimelinePage {
    return shownPage(this.#rooms.get(room), this.#context, options);
  }

  subscribeTimeline(room: string, listener: () => void): () => void {
    return this.#listeners.add(room, listener);
  }

  members(room: string): readonly Member[] {
    return memberList(this.#rooms.get(room), this.#context, (account) => this.#people.checked(account));
  }

  async createRoom(name: string): Promise<string> {
    return (await this.#rooms.create(requireRoomName(name), false)).roomText;
  }

  async openDirect(person: string): Promise<string> {
    this.#watch.requireUnfrozen();
    const contact = await this.#person(person);
    if (bytesEqual(contact.account, this.#parts.me.account)) {
      throw new ChatError("not-allowed", "that is you; /room makes a room for your own notes");
    }
    const known = this.#rooms
      .all()
      .find((room) => room.open && room.record.direct && this.#rooms.isMember(room, contact.account));
    if (known) return known.roomText;
    const room = await this.#rooms.create(contact.name, true);
    await this.#invite(room, [contact]);
    return room.roomText;
  }

  async invite(room: string, people: readonly string[]): Promise<void> {
    this.#watch.requireUnfrozen();
    const target = this.#rooms.get(room);
    const contacts: Contact[] = [];
    for (const name of people) contacts.push(await this.#person(name));
    const already = contacts.filter(({ account }) => this.#rooms.isMember(target, account));
    if (already.length === contacts.length && already[0]) {
      throw new ChatError(
        "already-member",
        `${already.map(({ name }) => name).join(", ")} already in this room`,
      );
    }
    if (target.record.direct) throw new ChatError("not-allowed", "a direct room stays one of two people");
    await this.#invite(target, contacts);
  }

  acceptInvitation(id: string): Promise<string> {
    return this.#invitations.accept(id);
  }

  declineInvitation(id: string): Promise<void> {
    return this.#invitations.decline(id);
  }

  async leaveRoom(room: string): Promise<void> {
    await online(() => this.#rooms.get(room).leave());
  }

  async removeMember(room: string, person: string): Promise<void> {
    const target = this.#rooms.get(room);
    const named = await this.#named(target, person);
    if (bytesEqual(named.contact.account, this.#parts.me.account)) return this.leaveRoom(room);
    await removeMember(target, named);
  }

  async renameRoom(room: string, name: string): Promise<void> {
    renameRoom(this.#rooms.get(room), name);
  }

  async setTopic(room: string, topic: string): Promise<void> {
    setTopic(this.#rooms.get(room), topic);
  }

  async setRole(room: string, person: string, role: Role): Promise<void> {
    const target = this.#rooms.get(room);
    await setRole(target, await this.#named(target, person), role);
  }

  async setKeepTime(room: string, keepMs: number): Promise<void> {
    await setKeepTime(this.#rooms.get(room), keepMs);
  }

  async send(room: string, text: string): Promise<string> {
    if (new TextEncoder().encode(text).length > LIMITS.messageTextBytes) {
      throw new ChatError("too-long", `a message holds ${LIMITS.messageTextBytes / 1024} KiB`);
    }
    return this.#rooms.get(room).send({ kind: "text", text });
  }

  async retry(message: string): Promise<void> {
    const room = this.#rooms.all().find(({ outbox }) => outbox.retry(message));
    if (!room) return;
    this.#changed();
    this.#timelineChanged(room.roomText);
    room.flush();
  }

  markRead(room: string): void {
    inBackground(this.#rooms.get(room).markRead(), this.#parts.onFault);
  }

  async createInviteLink({
    room,
    ttlMs,
  }: {
    readonly room?: string;
    readonly ttlMs?: number;
  }): Promise<string> {
    const target = room === undefined ? undefined : this.#rooms.get(room);
    if (target?.record.direct) throw new ChatError("not-allowed", "a direct room stays one of two people");
    this.#watch.requireUnfrozen();
    return online(() => this.#links.create(this.#online(), target?.record.room, ttlMs));
  }

  async confirmRecoveryWords(words: string): Promise<void> {
    if (!(await this.#parts.recoveryWords.confirm(words)))
      throw new ChatError("wrong-words", "these are other words");
    this.#changed();
  }

  policy(): ClientPolicy {
    const { address, serverId } = this.#parts;
    return clientPolicy(this.#settings, {
      server: { host: address.host, id: idText(serverId) },
      watch: this.#watch,
      admission: this.#admission,
      contacts: () =>
        this.#directory.contacts().filter(({ account }) => !bytesEqual(account, this.#parts.me.account)),
      nowMs: () => this.#parts.clock.nowMs(),
    });
  }

  log(): ServerLog {
    return serverLog(this.#watch, { connection: () => this.#online(), person: (name) => this.#person(name) });
  }

  people(): People {
    return this.#people;
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
    this.#people.close();
    await this.#rooms.close();
    // Rooms that finish what is under way may still tell of messages that go away.
    this.#disappearing.close();
    this.#parts.store.close();
  }

  #makeSnapshot(): ChatSnapshot {
    const { me, name, server, recoveryWords } = this.#parts;
    const rooms = this.#rooms.all();
    const invitations = [...this.#invitations.all()].map(([id, { from, direct, receivedAtMs }]) => {
      return { id, from: this.#directory.nameOf(from), direct, receivedAtMs };
    });
    return {
      me: { account: idText(me.account), name, device: me.device },
      connection: this.#link?.state() ?? { kind: "connecting" },
      server: this.#link?.server() ?? server,
      rooms: rooms
        .filter(({ record }) => record.state !== "left" && record.state !== "leaving")
        .map((room) => roomSummary(room, this.#context)),
      invitations,
      recoveryWordsFile: recoveryWords.file(),
      queued: rooms.reduce((sum, { queued }) => sum + queued, 0),
      alarms: this.#watch.alarms,
      warnings: this.policy().warnings(),
    };
  }

  async #connected(connection: RelayConnection): Promise<void> {
    await this.#watch.connected(connection);
    await this.#compareWithInvite();
    for (const room of this.#rooms.all())
      await this.#directory.meet(accountsIn(room, this.#context).values());
    await this.#rooms.connected(connection);
    await this.#supply.topUp(connection, connection.session.stock);
    await this.#links.greet(connection);
    this.#guests.admitAll();
    this.#invitations.acceptExpected();
  }

  async #delivered(delivery: Delivery, connection: RelayConnection): Promise<void> {
    switch (delivery.kind) {
      case "entry":
        return this.#rooms.find(idText(delivery.entry.room))?.deliver(delivery.bytes.slice(), delivery.entry);
      case "live":
        return this.#rooms.find(idText(delivery.room))?.live(connection);
      case "removed":
        return this.#rooms.find(idText(delivery.room))?.removedByRelay(connection);
      case "lagging":
        return this.#rooms.resume(this.#rooms.all().filter((room) => room.open));
      case "inbox-item": {
        const outcome = await this.#inbox.process(delivery, connection);
        if (outcome.kind === "guest") await this.#guests.came(outcome);
        if (outcome.kind === "invitation") this.#invitations.received(outcome.id, outcome.invitation);
      }
    }
  }

  /** The link came by a road that is not the server's: what it says of the log counts. */
  async #compareWithInvite(): Promise<void> {
    const view = this.#links.inviterView;
    if (!view || (await this.#watch.agrees(view))) return;
    this.#watch.contradicted("the server shows you another log than it showed whoever invited you");
  }

  /** Puts a sentence into the timeline of one room, or of all. */
  #tell(text: string, room?: string): void {
    for (const target of this.#roomsFor(room)) inBackground(target.tell(text), this.#parts.onFault);
  }

  #sendAlarm({ note, evidence }: LogAlarm, room?: string): void {
    for (const target of this.#roomsFor(room)) {
      if (target.record.state === "active") target.send({ kind: "log-alarm", note, evidence });
    }
  }

  #roomsFor(room: string | undefined): readonly Room[] {
    return this.#rooms.all().filter((known) => known.open && (room === undefined || known.roomText === room));
  }

  async #invite(room: Room, people: readonly Contact[]): Promise<void> {
    this.#watch.requireUnfrozen();
    const { me, signer } = this.#parts;
    const inviter = {
      me,
      signer,
      engine: this.#engine,
      directory: this.#directory,
      requireAdmissible: (person: Contact) => this.#gate.require(person),
    };
    const unreachable = await online(() => addPeople(inviter, room, people, this.#online()));
    if (unreachable.length === 0) return;
    const names = unreachable.map(({ name }) => name).join(", ");
    throw new ChatError(
      "unreachable",
      `${names} cannot be reached: no device of theirs has keys at the relay`,
    );
  }

  async #requireInviter(account: Uint8Array): Promise<void> {
    const inviter = this.#directory.contact(account);
    if (inviter) await online(() => this.#gate.requireInviter(inviter));
  }

  async #named(room: Room, name: string): Promise<NamedPerson> {
    const contact = await this.#person(name);
    return { contact, name, isMember: this.#rooms.isMember(room, contact.account) };
  }

  async #person(name: string): Promise<Contact> {
    const plain = name.replace(/^@/, "").toLowerCase();
    if (!isName(plain)) throw new ChatError("no-such-person", `nobody can be called ${JSON.stringify(name)}`);
    return online(() => this.#directory.byName(plain));
  }

  #online(): RelayConnection {
    const connection = this.#link?.connection();
    if (!connection) throw offline();
    return connection;
  }

  #changed(): void {
    this.#snapshot = undefined;
    this.#listeners.call(SNAPSHOT);
  }

  #messagesGone(rooms: ReadonlySet<string>): void {
    for (const room of this.#rooms.all().filter(({ roomText }) => rooms.has(roomText))) {
      room.timeline.forgetTail();
      this.#timelineChanged(room.roomText);
    }
  }

  #timelineChanged(room: string): void {
    this.#listeners.call(room);
  }
}
