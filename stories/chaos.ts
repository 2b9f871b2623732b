import { setTimeout as after } from "node:timers/promises";
import type { TimelineItem } from "@parley/client";
import { ChatError } from "@parley/client";
import { expect } from "vitest";
import { CrashedStoreError, CrashingStore } from "./crashing-store.ts";
import { CuttingProxy } from "./cutting-proxy.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { Person } from "./world.ts";
import { roomOf, until, World } from "./world.ts";

const NAMES = ["ana", "bo", "cy", "dee", "eli"];
const LONGEST_MOMENT_MS = 60;
const PATIENCE_MS = 40_000;
const ROLES = ["member", "admin", "owner"] as const;
const GENEROUS = { burst: 1e6, perSecond: 1e6 };

type Deed = (person: Person) => Promise<unknown> | unknown;

/** People who do everything at once, on wires that break, in programs that crash; and what must hold when it is over. */
export class Chaos implements AsyncDisposable {
  readonly #world: World;
  readonly #proxy: CuttingProxy;
  readonly #random: SeededRandom;
  readonly #people: readonly Person[];
  readonly #room: string;
  readonly #stores: Map<string, CrashingStore>;
  /** Texts whose sending was promised, by person. */
  readonly #promised = new Map<Person, string[]>();
  readonly #underWay = new Map<Promise<unknown>, string>();
  readonly #diary: string[] = [];
  #serial = 0;

  private constructor(parts: {
    readonly world: World;
    readonly proxy: CuttingProxy;
    readonly random: SeededRandom;
    readonly people: readonly Person[];
    readonly room: string;
    readonly stores: Map<string, CrashingStore>;
  }) {
    this.#world = parts.world;
    this.#proxy = parts.proxy;
    this.#random = parts.random;
    this.#people = parts.people;
    this.#room = parts.room;
    this.#stores = parts.stores;
  }

  static async start(random: SeededRandom): Promise<Chaos> {
    const world = await World.start({
      limits: { requestsPerDevice: GENEROUS, requestsPerAddress: GENEROUS, attemptsPerAddress: GENEROUS },
    });
    const proxy = await CuttingProxy.start(world.relay.address.port);
    world.entrancePort = proxy.port;
    const stores = new Map<string, CrashingStore>();
    world.wrapStore = (inner, name) => {
      const store = new CrashingStore(inner);
      stores.set(name, store);
      return store;
    };
    const people: Person[] = [];
    for (const name of NAMES) people.push(await world.person(name));
    const [ana, ...others] = people as [Person, ...Person[]];
    const room = await roomOf(ana, "garden", others.slice(0, 2));
    return new Chaos({ world, proxy, random, people, room, stores });
  }

  /** Lets things happen, one soon after the other. */
  async happen(times: number): Promise<void> {
    for (let n = 0; n < times; n++) {
      const person = this.#random.pick(this.#people) as Person;
      const [name, deed] = this.#random.pick(this.#deeds) as readonly [string, Deed];
      const what = `${n} ${person.name} ${name}`;
      this.#diary.push(what);
      const done = this.#attempt(deed, person);
      this.#underWay.set(done, what);
      void done.then(() => this.#underWay.delete(done));
      const moment = after(this.#random.below(LONGEST_MOMENT_MS));
      if (name === "crashes" || name === "reopens" || name === "relay") await done;
      else await moment;
    }
  }

  /** The wires hold, everybody is on line, and everything that was begun ends. Throws when something does not. */
  async settle(): Promise<void> {
    this.#proxy.mend();
    try {
      for (const person of this.#people) await this.#comeBack(person);
      await this.#allSettled();
      await this.#everybodySpeaks();
      await Promise.all([...this.#underWay.keys()]);
      this.#compare();
    } catch (error) {
      throw new Error(`${this.#account()}\n${error instanceof Error ? error.stack : error}`, {
        cause: error,
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { faults } = this.#world;
    await Promise.all(this.#people.map(({ chat }) => chat.close()));
    const others = faults.filter((error) => !(error instanceof CrashedStoreError));
    faults.splice(0, faults.length, ...others);
    await this.#world[Symbol.asyncDispose]();
    await this.#proxy[Symbol.asyncDispose]();
  }

  /** What was done, and how everybody stands. */
  #account(): string {
    const states = this.#people.map((person) => {
      if (this.#stores.get(person.name)?.crashed) return `${person.name}: crashed`;
      const { rooms, queued, connection, invitations } = person.chat.snapshot();
      const [mine] = rooms.filter(({ id }) => id === this.#room);
      const members = mine ? this.#membersFor(person).join() : "";
      const stand = `${mine?.state ?? "not in the room"}, ${members}, ${invitations.length} invitations`;
      return `${person.name}: ${connection.kind}, ${queued} queued, ${stand}`;
    });
    const open = [...this.#underWay.values()].map((what) => `under way: ${what}`);
    const faults = this.#world.faults
      .filter((error) => !(error instanceof CrashedStoreError))
      .map((error) => (error instanceof Error ? error.stack : String(error)));
    return [`seed ${this.#random.seed}`, ...this.#diary.slice(-60), ...states, ...open, ...faults].join("\n");
  }

  readonly #deeds: readonly (readonly [string, Deed])[] = [
    ...Array.from({ length: 10 }, () => ["sends", (person: Person) => this.#send(person)] as const),
    ["renames", ({ chat }) => chat.renameRoom(this.#room, `garden ${this.#serial++}`)],
    ["sets the topic", ({ chat }) => chat.setTopic(this.#room, `topic ${this.#serial++}`)],
    ["invites", ({ chat }) => chat.invite(this.#room, [this.#other()])],
    ["invites", ({ chat }) => chat.invite(this.#room, [this.#other()])],
    ["invites two", ({ chat }) => chat.invite(this.#room, [this.#other(), this.#other()])],
    ["removes", ({ chat }) => chat.removeMember(this.#room, this.#other())],
    ["leaves", ({ chat, name }) => (name === "ana" ? undefined : chat.leaveRoom(this.#room))],
    ["accepts", (person) => this.#answer(person, true)],
    ["accepts", (person) => this.#answer(person, true)],
    ["accepts", (person) => this.#answer(person, true)],
    ["declines", (person) => this.#answer(person, false)],
    [
      "sets a role",
      ({ chat }) => chat.setRole(this.#room, this.#other(), this.#random.pick(ROLES) ?? "member"),
    ],
    ["cut", () => this.#proxy.cutOne((count) => this.#random.below(count), 0)],
    ["cut later", () => this.#proxy.cutOne((count) => this.#random.below(count), this.#random.below(6_000))],
    ["cut later", () => this.#proxy.cutOne((count) => this.#random.below(count), this.#random.below(600))],
    ["reconnects", ({ chat }) => chat.reconnect()],
    ["reconnects", ({ chat }) => chat.reconnect()],
    ["reads", ({ chat }) => chat.markRead(this.#room)],
    ["reopens", (person) => this.#world.reopen(person)],
    ["crashes", (person) => this.#crash(person)],
    ["crashes", (person) => this.#crash(person)],
    ["relay", () => (this.#random.below(3) === 0 ? this.#world.restartRelay() : undefined)],
  ];

  /** Refusals, also of what is out of reach, are what users get told; anything else is a defect. */
  async #attempt(deed: Deed, person: Person): Promise<void> {
    try {
      await deed(person);
    } catch (error) {
      if (error instanceof CrashedStoreError) return;
      if (!(error instanceof ChatError) || error.code === "internal") this.#world.faults.push(error);
    }
  }

  async #send(person: Person): Promise<void> {
    const text = `${person.name} says ${this.#serial++}`;
    await person.chat.send(this.#room, text);
    const promised = this.#promised.get(person) ?? [];
    this.#promised.set(person, [...promised, text]);
  }

  /** Never ana, so that the room always has somebody. */
  #other(): string {
    return this.#random.pick(NAMES.slice(1)) ?? "";
  }

  async #answer({ chat }: Person, accept: boolean): Promise<void> {
    const [invitation] = chat.snapshot().invitations;
    if (!invitation) return;
    if (accept) await chat.acceptInvitation(invitation.id);
    else await chat.declineInvitation(invitation.id);
  }

  async #crash(person: Person): Promise<void> {
    this.#stores.get(person.name)?.crash();
    await this.#world.reopen(person);
  }

  async #comeBack(person: Person): Promise<void> {
    await until(person, "connected", (chat) => {
      if (chat.snapshot().connection.kind === "waiting") chat.reconnect();
      return chat.snapshot().connection.kind === "connected";
    });
  }

  /** Answers what was asked of somebody, once each. */
  #declineAll(answered: Set<string>): void {
    for (const person of this.#people) {
      for (const { id } of person.chat.snapshot().invitations) {
        const key = `${person.name} ${id}`;
        if (answered.has(key)) continue;
        answered.add(key);
        const done = this.#attempt(({ chat }) => chat.declineInvitation(id), person);
        this.#underWay.set(done, `${person.name} declines`);
        void done.then(() => {
          this.#underWay.delete(done);
          answered.delete(key);
        });
      }
    }
  }

  #active(): readonly Person[] {
    return this.#people.filter(({ chat }) =>
      chat.snapshot().rooms.some(({ id, state }) => id === this.#room && state === "active"),
    );
  }

  #membersFor({ chat }: Person): readonly string[] {
    return chat
      .members(this.#room)
      .map(({ name }) => name)
      .sort();
  }

  /** Whoever is in the room sees the same people in it, and nobody has anything left to do. */
  async #allSettled(): Promise<void> {
    const settled = () => {
      const names = this.#active()
        .map(({ name }) => name)
        .sort()
        .join();
      return this.#people.every((person) => {
        const { queued, rooms, connection, invitations } = person.chat.snapshot();
        const mine = rooms.find(({ id }) => id === this.#room);
        if (queued > 0 || invitations.length > 0 || connection.kind !== "connected") return false;
        if (mine && mine.state !== "active") return mine.state === "removed";
        return !mine || this.#membersFor(person).join() === names;
      });
    };
    const answered = new Set<string>();
    await this.#until("everything has settled", () => {
      this.#declineAll(answered);
      return settled();
    });
  }

  /** Looks again after each change at anybody's. */
  async #until(what: string, condition: () => boolean): Promise<void> {
    const done = Promise.withResolvers<void>();
    const look = () => {
      if (condition()) done.resolve();
    };
    const timer = setTimeout(() => done.reject(new Error(`waited in vain until ${what}`)), PATIENCE_MS);
    const stops = this.#people.map(({ chat }) => chat.subscribe(look));
    look();
    try {
      await done.promise;
    } finally {
      clearTimeout(timer);
      for (const stop of stops) stop();
    }
  }

  async #everybodySpeaks(): Promise<void> {
    const active = this.#active();
    for (const person of active) await this.#send(person);
    const last = active.map((person) => this.#promised.get(person)?.at(-1));
    for (const person of active) {
      await until(person, "everybody's last word is here", () => {
        const texts = new Set(this.#sent(person).map(({ text }) => text));
        return last.every((text) => text !== undefined && texts.has(text));
      });
      await until(person, "nothing is queued", (chat) => chat.snapshot().queued === 0);
    }
  }

  #items(person: Person): readonly TimelineItem[] {
    return person.chat.timeline(this.#room, { limit: 1e6 }).items;
  }

  #sent(person: Person) {
    return this.#items(person).flatMap((item) =>
      item.kind === "message" && item.send.kind === "sent" ? [item] : [],
    );
  }

  #compare(): void {
    const active = this.#active();
    const [first] = active;
    if (!first) throw new Error("nobody is left");
    const joinedAtSeq = Math.max(0, ...active.flatMap((person) => this.#joins(person, active)));
    const summary = ({ chat }: Person) => {
      const { name, topic } = chat.snapshot().rooms.find(({ id }) => id === this.#room) ?? {};
      const roles = chat.members(this.#room).map((member) => `${member.name} ${member.role}`);
      return { name, topic, roles: roles.sort() };
    };
    for (const person of active) {
      expect(summary(person), person.name).toEqual(summary(first));
      expect(this.#story(person, joinedAtSeq), person.name).toEqual(this.#story(first, joinedAtSeq));
      expect(
        this.#items(person).filter(({ kind }) => kind === "gap"),
        person.name,
      ).toEqual([]);
    }
    for (const [person, texts] of this.#promised) {
      const own = this.#items(person).flatMap((item) => (item.kind === "message" ? [item.text] : []));
      for (const text of texts)
        expect(
          own.filter((other) => other === text),
          text,
        ).toHaveLength(1);
    }
  }

  /** Where those who are in the room now were invited, as `person` saw it. */
  #joins(person: Person, active: readonly Person[]): readonly number[] {
    const names = new Set(active.map(({ name }) => name));
    return this.#items(person).flatMap((item) => {
      const invited = item.kind === "event" ? / invited (\w+)$/.exec(item.text)?.[1] : undefined;
      return invited !== undefined && names.has(invited) ? [item.seq] : [];
    });
  }

  /** Everything after `seq` that all members see alike; nobody is told of the own coming. */
  #story(person: Person, seq: number): readonly string[] {
    return this.#items(person).flatMap((item) => {
      if (item.seq <= seq || item.kind === "gap") return [];
      if (item.kind === "message") return [`${item.seq} ${item.sender.name}: ${item.text}`];
      return / joined$/.test(item.text) ? [] : [`${item.seq} ${item.text}`];
    });
  }
}
