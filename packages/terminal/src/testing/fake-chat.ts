import type {
  Chat,
  ChatSnapshot,
  ClientPolicy,
  Invitation,
  Member,
  Role,
  RoomSummary,
  SendState,
  ServerLog,
  TimelineItem,
  TimelinePage,
} from "@parley/client";
import { ChatError } from "@parley/client";
import { FakePeople } from "./fake-people.ts";

/** 24 November 2026, 14:00 UTC. */
export const FAKE_NOW_MS = Date.UTC(2026, 10, 24, 14, 0, 0);

export const FAKE_PEOPLE = {
  ana: { account: "a0".repeat(32), name: "ana" },
  bo: { account: "b0".repeat(32), name: "bo" },
  cy: { account: "c0".repeat(32), name: "cy" },
} as const;
export type FakePerson = keyof typeof FAKE_PEOPLE;

interface FakeRoom {
  summary: RoomSummary;
  items: TimelineItem[];
  members: Member[];
  readonly listeners: Set<() => void>;
}

/**
 * A `Chat` without network or keys, for tests, the bench and trying the screen by hand. It behaves like the real one
 * towards a screen: snapshots are immutable, timelines are read in pages, sends are queued until {@link acceptQueued}.
 */
export class FakeChat implements Chat {
  readonly calls: string[] = [];
  readonly knownPeople = new FakePeople();
  /** Whether a sent message is accepted at once. */
  autoAccept = true;
  /** Thrown by the next command, once. */
  nextError: ChatError | undefined;
  readonly #rooms = new Map<string, FakeRoom>();
  readonly #listeners = new Set<() => void>();
  #snapshot: ChatSnapshot;
  #counter = 0;

  constructor() {
    this.#snapshot = {
      me: { ...FAKE_PEOPLE.ana, device: 1 },
      connection: { kind: "connected", sinceMs: FAKE_NOW_MS },
      server: {
        host: "127.0.0.1:7443",
        why: "pinned by the invite of 24 November 2026",
        code: "48213 90077 15530 62841 07719 33402",
      },
      rooms: [],
      invitations: [],
      recoveryWordsFile: undefined,
      queued: 0,
      alarms: [],
      warnings: [],
    };
  }

  snapshot(): ChatSnapshot {
    return this.#snapshot;
  }

  policy(): ClientPolicy {
    return {
      status: async () => ({
        server: undefined,
        preset: "friends",
        rules: "",
        files: [],
        quorum: "",
        witnesses: [],
        signed: undefined,
        warnings: [],
      }),
      warnings: () => [],
      setPreset: async () => {},
      addTrustFile: async () => "",
      test: () => [],
    };
  }

  people(): FakePeople {
    return this.knownPeople;
  }

  log(): ServerLog {
    const status = {
      origin: "127.0.0.1/parley",
      size: 0,
      root: "",
      syncedAtMs: FAKE_NOW_MS,
      alarms: [],
      forked: false,
    };
    return {
      status: () => status,
      sync: async () => status,
      check: async () => true,
      prove: async () => [],
      checkpoint: () => undefined,
      entries: () => [],
      evidence: () => undefined,
      key: () => undefined,
    };
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  timeline(room: string, { limit, before }: { limit: number; before?: string }): TimelinePage {
    const { items } = this.#room(room);
    const end = before === undefined ? items.length : items.findLastIndex((item) => item.id === before);
    const start = Math.max(0, end - limit);
    return { items: items.slice(start, Math.max(0, end)), more: start > 0 };
  }

  subscribeTimeline(room: string, listener: () => void): () => void {
    const { listeners } = this.#room(room);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  members(room: string): readonly Member[] {
    return this.#room(room).members;
  }

  // What a test does to it.

  addRoom(name: string, changes: Partial<RoomSummary> = {}): string {
    const id = changes.id ?? this.#nextId();
    const summary: RoomSummary = {
      id,
      name,
      topic: "",
      direct: false,
      role: "owner",
      memberCount: 2,
      unread: 0,
      mentions: 0,
      lastActivityMs: FAKE_NOW_MS,
      state: "active",
      encryption: "post-quantum",
      keepMs: 0,
      ...changes,
    };
    const members = [member("ana", "owner", true), member("bo", "member", false)];
    this.#rooms.set(id, { summary, items: [], members, listeners: new Set() });
    this.change({ rooms: [...this.#snapshot.rooms, summary] });
    return id;
  }

  /** A message of somebody; returns its id. */
  receive(
    room: string,
    from: FakePerson,
    text: string,
    more: { atMs?: number; mentionsMe?: boolean; unread?: boolean } = {},
  ): string {
    const { atMs = FAKE_NOW_MS, mentionsMe = false, unread = true } = more;
    const sender = { ...FAKE_PEOPLE[from], me: from === "ana" };
    const id = this.#append(room, {
      kind: "message",
      atMs,
      sender,
      text,
      mentionsMe,
      send: { kind: "sent" },
    });
    if (unread && !sender.me) {
      const { summary } = this.#room(room);
      this.changeRoom(room, {
        unread: summary.unread + 1,
        mentions: summary.mentions + (mentionsMe ? 1 : 0),
      });
    }
    return id;
  }

  event(room: string, text: string, atMs: number = FAKE_NOW_MS): void {
    this.#append(room, { kind: "event", atMs, text });
  }

  gap(room: string, cause: string, action: string): void {
    this.#append(room, { kind: "gap", atMs: FAKE_NOW_MS, fromSeq: 7, toSeq: 12, cause, action });
  }

  /** Fills a room at once with `count` messages a minute apart, the last at {@link FAKE_NOW_MS}. */
  fill(room: string, count: number, text: (index: number) => string = (index) => `message ${index}`): void {
    const people = Object.values(FAKE_PEOPLE);
    const target = this.#room(room);
    target.items = Array.from({ length: count }, (_, index): TimelineItem => {
      const person = people[index % people.length]!;
      return {
        kind: "message",
        id: `fill-${index}`,
        seq: index + 1,
        atMs: FAKE_NOW_MS - (count - 1 - index) * 60_000,
        sender: { ...person, me: person.name === "ana" },
        text: text(index),
        mentionsMe: false,
        send: { kind: "sent" },
      };
    });
    this.#timelineChanged(room);
  }

  change(changes: Partial<ChatSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...changes };
    for (const listener of this.#listeners) listener();
  }

  changeRoom(room: string, changes: Partial<RoomSummary>): void {
    const target = this.#room(room);
    target.summary = { ...target.summary, ...changes };
    this.change({ rooms: this.#snapshot.rooms.map((one) => (one.id === room ? target.summary : one)) });
  }

  setMembers(room: string, members: Member[]): void {
    this.#room(room).members = members;
    this.changeRoom(room, { memberCount: members.length });
  }

  invitation(from: string, direct = false): Invitation {
    const invitation = { id: this.#nextId(), from, direct, receivedAtMs: FAKE_NOW_MS };
    this.change({ invitations: [...this.#snapshot.invitations, invitation] });
    return invitation;
  }

  setSendState(room: string, message: string, send: SendState): void {
    const target = this.#room(room);
    target.items = target.items.map((item) =>
      item.id === message && item.kind === "message" ? { ...item, send } : item,
    );
    this.#timelineChanged(room);
  }

  acceptQueued(): void {
    for (const [id, room] of this.#rooms) {
      room.items = room.items.map((item) =>
        item.kind === "message" && item.send.kind === "queued" ? { ...item, send: { kind: "sent" } } : item,
      );
      this.#timelineChanged(id);
    }
    this.change({ queued: 0 });
  }

  // The commands.

  async createRoom(name: string): Promise<string> {
    this.#called(`createRoom ${name}`);
    return this.addRoom(name, { memberCount: 1 });
  }

  async openDirect(person: string): Promise<string> {
    this.#called(`openDirect ${person}`);
    return this.addRoom(person, { direct: true });
  }

  async invite(room: string, people: readonly string[]): Promise<void> {
    this.#called(`invite ${this.#room(room).summary.name} ${people.join(",")}`);
  }

  async acceptInvitation(invitation: string): Promise<string> {
    this.#called("acceptInvitation");
    const found = this.#takeInvitation(invitation);
    return this.addRoom(`${found.from}'s room`, { role: "member" });
  }

  async declineInvitation(invitation: string): Promise<void> {
    this.#called("declineInvitation");
    this.#takeInvitation(invitation);
  }

  async leaveRoom(room: string): Promise<void> {
    this.#called(`leaveRoom ${this.#room(room).summary.name}`);
    this.#rooms.delete(room);
    this.change({ rooms: this.#snapshot.rooms.filter((one) => one.id !== room) });
  }

  async removeMember(room: string, person: string): Promise<void> {
    this.#called(`removeMember ${this.#room(room).summary.name} ${person}`);
  }

  async renameRoom(room: string, name: string): Promise<void> {
    this.#called(`renameRoom ${name}`);
    this.changeRoom(room, { name });
  }

  async setTopic(room: string, topic: string): Promise<void> {
    this.#called(`setTopic ${topic}`);
    this.changeRoom(room, { topic });
  }

  async setKeepTime(room: string, keepMs: number): Promise<void> {
    this.#called(`setKeepTime ${keepMs}`);
    this.changeRoom(room, { keepMs });
  }

  async setRole(_room: string, person: string, role: Role): Promise<void> {
    this.#called(`setRole ${person} ${role}`);
  }

  async send(room: string, text: string): Promise<string> {
    this.#called(`send ${text}`);
    const send: SendState = { kind: this.autoAccept ? "sent" : "queued" };
    const sender = { ...FAKE_PEOPLE.ana, me: true };
    const id = this.#append(room, {
      kind: "message",
      atMs: FAKE_NOW_MS,
      sender,
      text,
      mentionsMe: false,
      send,
    });
    if (!this.autoAccept) this.change({ queued: this.#snapshot.queued + 1 });
    return id;
  }

  async retry(message: string): Promise<void> {
    this.#called(`retry ${message}`);
  }

  markRead(room: string): void {
    const { summary } = this.#room(room);
    if (summary.unread > 0 || summary.mentions > 0) this.changeRoom(room, { unread: 0, mentions: 0 });
  }

  async createInviteLink(options: { room?: string; ttlMs?: number }): Promise<string> {
    this.#called(`createInviteLink ${options.room ? this.#room(options.room).summary.name : ""}`);
    return `https://127.0.0.1:7443/i#${"AbCdEfGh".repeat(25)}`;
  }

  async confirmRecoveryWords(words: string): Promise<void> {
    this.#called("confirmRecoveryWords");
    if (words !== "right words")
      throw new ChatError("wrong-words", "These are not the words that were shown");
    this.change({ recoveryWordsFile: undefined });
  }

  reconnect(): void {
    this.calls.push("reconnect");
  }

  async close(): Promise<void> {
    this.calls.push("close");
    this.change({ connection: { kind: "closed" } });
  }

  #called(call: string): void {
    this.calls.push(call);
    const error = this.nextError;
    this.nextError = undefined;
    if (error) throw error;
  }

  #room(id: string): FakeRoom {
    const room = this.#rooms.get(id);
    if (!room) throw new ChatError("no-such-room", "There is no such room");
    return room;
  }

  #takeInvitation(id: string): Invitation {
    const found = this.#snapshot.invitations.find((one) => one.id === id);
    if (!found) throw new ChatError("no-such-invitation", "There is no such invitation");
    this.change({ invitations: this.#snapshot.invitations.filter((one) => one.id !== id) });
    return found;
  }

  #append(room: string, item: NewItem): string {
    const target = this.#room(room);
    const id = this.#nextId();
    target.items = [...target.items, { ...item, id, seq: target.items.length + 1 }];
    this.#timelineChanged(room);
    return id;
  }

  #timelineChanged(room: string): void {
    for (const listener of this.#room(room).listeners) listener();
  }

  #nextId(): string {
    this.#counter += 1;
    return this.#counter.toString(16).padStart(32, "0");
  }
}

type NewItem = TimelineItem extends infer Item
  ? Item extends TimelineItem
    ? Omit<Item, "id" | "seq">
    : never
  : never;

function member(name: FakePerson, role: Role, me: boolean): Member {
  return { ...FAKE_PEOPLE[name], role, devices: 1, me, checked: "" };
}
