import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Chat, Clock, TimelineItem } from "@parley/client";
import { systemClock } from "@parley/client";
import { openChat, openStore, signUp } from "@parley/client/node";
import type { Relay, RelayOptions } from "@parley/server";
import { startRelay } from "@parley/server";
import { formatInviteLink } from "@parley/trust";
import type { OpenChatOptions } from "../packages/client/src/node/open-chat.ts";
import type { ClientStore } from "../packages/client/src/store/client-store.ts";

const PATIENCE_MS = 20_000;

/** One person on one device: a folder that outlives the running chat. */
export interface Person {
  readonly name: string;
  readonly folder: string;
  chat: Chat;
}

/** A relay and people, in folders of their own that go away with it. Everything is real: sockets, TLS, SQLite, MLS. */
export class World implements AsyncDisposable {
  readonly folder: string;
  readonly people: Person[] = [];
  readonly faults: unknown[] = [];
  relay: Relay;
  /** Whether people's programs opened from now on believe the relay whatever its log says. */
  unsafeTestingIgnoreLog = false;
  /** Whether people's programs opened from now on add people whatever their witnesses say. */
  unsafeTestingIgnoreWitnesses = false;
  /** The clock of people's programs opened from now on. */
  clock: Clock = systemClock;
  /** What becomes of the messages of comparisons that programs opened from now on send. */
  unsafeTestingSasMessage: OpenChatOptions["unsafeTestingSasMessage"];
  /** What people's programs use in the place of their store on disk. */
  wrapStore: (store: ClientStore, name: string) => ClientStore = (store) => store;
  /** What stands between people's programs opened from now on and the relay. */
  unsafeTestingConnect: NonNullable<OpenChatOptions["unsafeTestingConnect"]> = (connect) => connect;
  /** Where the folders of people who come from now on are. */
  homeFolder: string;
  /** Where links lead, when that is not the relay itself but something in front of it. */
  entrancePort: number | undefined;
  readonly #options: Partial<RelayOptions>;
  readonly #away = new Set<Person>();

  private constructor(relay: Relay, options: Partial<RelayOptions>, folder: string) {
    this.relay = relay;
    this.#options = options;
    this.folder = folder;
    this.homeFolder = folder;
  }

  static async start(options: Partial<RelayOptions> = {}): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), "parley-story-"));
    return new World(await startRelay(relayOptions(folder, options)), options, folder);
  }

  /** Stops the relay and starts it again on the same port and data. */
  restartRelay(): Promise<void> {
    return this.restartRelayAfter(() => undefined);
  }

  /** Stops the relay, lets `change` work on its data, and starts it again on the same port. */
  async restartRelayAfter(change: () => void | Promise<void>): Promise<void> {
    const { port } = this.relay.address;
    await this.relay.close();
    for (const person of this.people) if (!this.#away.has(person)) await disconnected(person);
    await change();
    this.relay = await startRelay({ ...relayOptions(this.folder, this.#options), port });
  }

  /** A link that lets somebody register here. */
  async inviteLink(): Promise<string> {
    const invite = await this.relay.createOperatorInvite({ uses: 1, ttlMs: 3_600_000 });
    const { serverId, address } = this.relay;
    return formatInviteLink({
      ...address,
      port: this.entrancePort ?? address.port,
      serverId,
      ...invite,
      inviter: undefined,
      room: undefined,
      checkpoint: undefined,
    });
  }

  /** A new person, signed up by a link of the operator (or the one given) and connected. */
  async person(name: string, link?: string): Promise<Person> {
    const folder = join(this.homeFolder, name);
    const store = openStore(folder);
    const road = { link: link ?? (await this.inviteLink()) };
    await signUp({ folder, store, name, road, clock: this.clock });
    const person: Person = { name, folder, chat: await this.#open(folder, store) };
    this.people.push(person);
    await connected(person);
    return person;
  }

  /** Closes a person's chat until it is reopened. */
  async close(person: Person): Promise<void> {
    this.#away.add(person);
    await person.chat.close();
  }

  /** Closes a person's chat, if it is open, and opens it again from disk. */
  async reopen(person: Person): Promise<void> {
    await person.chat.close();
    this.#away.delete(person);
    person.chat = await this.#open(person.folder, openStore(person.folder));
  }

  #open(folder: string, store: ReturnType<typeof openStore>): Promise<Chat> {
    const { unsafeTestingIgnoreLog, unsafeTestingIgnoreWitnesses, unsafeTestingConnect, clock } = this;
    return openChat({
      folder,
      store: this.wrapStore(store, basename(folder)),
      unsafeTestingIgnoreLog,
      unsafeTestingIgnoreWitnesses,
      unsafeTestingConnect,
      clock,
      unsafeTestingSasMessage: this.unsafeTestingSasMessage,
      onFault: (error) => this.faults.push(error),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { chat } of this.people) await chat.close();
    await this.relay.close();
    rmSync(this.folder, { recursive: true, force: true });
    if (this.faults.length > 0) throw new AggregateError(this.faults, "faults that nobody waited for");
  }
}

function relayOptions(folder: string, options: Partial<RelayOptions>): RelayOptions {
  return {
    dataFolder: join(folder, "relay"),
    onNewIdentity: () => undefined,
    log: { level: "silent" },
    ...options,
  };
}

/** Waits until `condition` holds, looking again after each change of the person's chat. */
export async function until(person: Person, what: string, condition: (chat: Chat) => boolean): Promise<void> {
  const { chat } = person;
  if (condition(chat)) return;
  await new Promise<void>((resolve, reject) => {
    const stops: (() => void)[] = [];
    const timer = setTimeout(() => {
      for (const stop of stops) stop();
      reject(new Error(`${person.name}: waited in vain until ${what}\n${stateOf(chat)}`));
    }, PATIENCE_MS);
    const check = () => {
      if (!condition(chat)) return;
      clearTimeout(timer);
      for (const stop of stops) stop();
      resolve();
    };
    const watchRooms = () => {
      for (const { id } of chat.snapshot().rooms)
        if (!watched.has(id)) watched.set(id, chat.subscribeTimeline(id, check));
    };
    const watched = new Map<string, () => void>();
    stops.push(
      chat.subscribe(() => {
        watchRooms();
        check();
      }),
      () => {
        for (const stop of watched.values()) stop();
      },
    );
    watchRooms();
    check();
  });
}

/** What a failed wait shows: the rooms and the ends of their timelines. */
function stateOf(chat: Chat): string {
  const { rooms, connection, queued } = chat.snapshot();
  const tails = rooms.map(({ id, name, state }) => {
    const tail = chat.timeline(id, { limit: 8 }).items.map(line);
    return `${name} (${state}):\n  ${tail.join("\n  ")}`;
  });
  return [`${connection.kind}, ${queued} queued`, ...tails].join("\n");
}

export function connected(person: Person): Promise<void> {
  return until(person, "connected", (chat) => chat.snapshot().connection.kind === "connected");
}

/** Waits until a person's program has noticed that the relay is gone. */
export function disconnected(person: Person): Promise<void> {
  return until(person, "disconnected", (chat) => chat.snapshot().connection.kind !== "connected");
}

/** The id of the room a person knows by this name. */
export function roomId(person: Person, name: string): string {
  const room = person.chat.snapshot().rooms.find((known) => known.name === name);
  if (!room) throw new Error(`${person.name} has no room ${name}`);
  return room.id;
}

/** The newest items of a room as short lines: `bo: hello`, `* ana invited bo`, `[gap …]`. */
export function lines(person: Person, room: string, limit = 1000): string[] {
  return person.chat.timeline(room, { limit }).items.map(line);
}

function line(item: TimelineItem): string {
  if (item.kind === "message") return `${item.sender.name}: ${item.text}`;
  if (item.kind === "event") return `* ${item.text}`;
  return `[gap ${item.fromSeq}-${item.toSeq}: ${item.cause}]`;
}

/** Waits until a person sees this line in a room. */
export function sees(person: Person, room: string, text: string): Promise<void> {
  return until(person, `"${text}" is seen`, () => lines(person, room).includes(text));
}

/** Ana's room with everybody in it. */
export async function roomOf(owner: Person, name: string, guests: readonly Person[]): Promise<string> {
  const room = await owner.chat.createRoom(name);
  if (guests.length > 0)
    await owner.chat.invite(
      room,
      guests.map((guest) => guest.name),
    );
  for (const guest of guests) {
    await until(guest, "invited", (chat) => chat.snapshot().invitations.length > 0);
    const [invitation] = guest.chat.snapshot().invitations;
    await guest.chat.acceptInvitation(invitation?.id ?? "");
    await until(guest, `it knows the room ${name}`, (chat) =>
      chat.snapshot().rooms.some((known) => known.name === name),
    );
  }
  return room;
}
