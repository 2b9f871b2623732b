import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatInviteLink, parseInviteLink } from "@parley/trust";
import { PROGRAM_FILE } from "../program-file.ts";
import { CONVERSATION } from "./conversation.ts";
import { ManInTheMiddle, Network } from "./network.ts";
import { Person, PersonFailure } from "./person.ts";
import { findInFiles, RelayProcess } from "./relay-process.ts";

const ROOM = "Garden committee";
const TOPIC = "who waters the tomatoes in August";
const SECRETS = {
  away: "Cy, the key is under the blue pot",
  after: "Good. Now without Cy: the surprise is on Friday",
};

/** A step of the demo did not come out as it must. */
class DemoFailure extends Error {
  override readonly name = "DemoFailure";
}

/**
 * The whole of Parley at work on this machine: a relay and three people, each a process of its own, over real TLS; then
 * somebody in the middle. Tells `say` what happens. Throws when something is not as it must be.
 */
export async function playDemo(say: (line: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "parley-demo-"));
  try {
    await new Demo(folder, say).play();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

class Demo {
  readonly #folder: string;
  readonly #say: (line: string) => Promise<void>;

  constructor(folder: string, say: (line: string) => Promise<void>) {
    this.#folder = folder;
    this.#say = say;
  }

  async play(): Promise<void> {
    await this.#say("Parley demo: a relay and three people on this machine, each a process of its own.");
    await this.#title("A relay starts");
    await using relay = await RelayProcess.start(PROGRAM_FILE, join(this.#folder, "relay"));
    await using network = await Network.start(relay.port);
    await this.#say(`It listens on 127.0.0.1:${relay.port}. Its identity, as 30 digits: ${relay.code}`);

    await using ana = this.#person("ana");
    await using bo = this.#person("bo");
    await using cy = this.#person("cy");
    const room = await this.#meet({ relay, network, people: [ana, bo, cy] });
    await this.#talk(room, [ana, bo, cy]);
    await this.#goAway(room, { bo, cy });
    await this.#remove(room, { ana, bo, cy });
    await this.#lookIntoTheRelay(relay.folder);
    await this.#standInTheMiddle(room, { relay, network, ana, bo });
    await this.#impersonate(room, { network, relay, ana, bo });
    await this.#say("");
    await this.#say("demo: ok");
  }

  async #meet({ relay, network, people: [ana, bo, cy] }: Meeting): Promise<string> {
    await this.#title("People come by invite links");
    await this.#say(
      "A link carries the fingerprint of the server's identity, so nobody can stand in for the server.",
    );
    await ana.do("arrive", overNetwork(relay.firstLink, network.port), "ana");
    await ana.do("open");
    await ana.do("connection", "connected");
    const room = await ana.do("createRoom", ROOM, TOPIC);
    await this.#say("ana used the operator's link, and made a room. Its name and topic are encrypted too.");
    for (const guest of [bo, cy]) {
      await guest.do("arrive", overNetwork(await ana.do("inviteLink", room), network.port), guest.name);
      await guest.do("open");
      await ana.do("see", room, `* ${guest.name} joined`);
      await this.#say(
        `${guest.name} used a link from ana: in the room, and each has checked the other by it.`,
      );
    }
    return room;
  }

  async #talk(room: string, people: readonly [Person, Person, Person]): Promise<void> {
    await this.#title("They talk, end to end encrypted (MLS, post-quantum)");
    const byName = new Map(people.map((person) => [person.name, person]));
    for (const [name, text] of CONVERSATION) {
      await byName.get(name)?.do("send", room, text);
      for (const person of people) await person.do("see", room, `${name}: ${text}`);
      await this.#say(`[${timeNow()}] ${name}: ${text}`);
    }
  }

  async #goAway(room: string, { bo, cy }: { readonly bo: Person; readonly cy: Person }): Promise<void> {
    await this.#title("Cy goes off line, is written to, and catches up");
    await cy.do("close");
    await bo.do("send", room, SECRETS.away);
    await bo.do("see", room, `bo: ${SECRETS.away}`);
    await this.#say(`[${timeNow()}] bo: ${SECRETS.away}   (cy's process has the chat closed)`);
    await cy.do("open");
    await cy.do("see", room, `bo: ${SECRETS.away}`);
    await this.#say("cy is back and has it.");
  }

  async #remove(room: string, { ana, bo, cy }: Record<"ana" | "bo" | "cy", Person>): Promise<void> {
    await this.#title("Cy is removed and cannot read what follows");
    await ana.do("remove", room, "cy");
    await bo.do("see", room, "* ana removed cy");
    await cy.do("see", room, "* ana removed you");
    await ana.do("send", room, SECRETS.after);
    await bo.do("see", room, `ana: ${SECRETS.after}`);
    await this.#say(`[${timeNow()}] ana: ${SECRETS.after}`);
    const state = await cy.do("roomState", room);
    const lines = await cy.do("lines", room);
    must(state === "removed" && !lines.some((line) => line.includes(SECRETS.after)), "cy can still read");
    await this.#say(
      "bo has it; cy's timeline ends with “ana removed you”, and her keys for the room are gone.",
    );
  }

  async #lookIntoTheRelay(folder: string): Promise<void> {
    await this.#title("What the relay has");
    const texts = [ROOM, TOPIC, ...Object.values(SECRETS), ...CONVERSATION.map(([, text]) => text)];
    const { files, bytes, found } = await findInFiles(folder, texts);
    must(found === undefined, `the relay's files hold plaintext: ${found}`);
    must(bytes > 10_000, "the relay's files are empty");
    await this.#say(
      `Searched its ${files} files (${Math.round(bytes / 1024)} KiB) for the room's name, its topic and ${texts.length - 2} messages: found none.`,
    );
  }

  async #standInTheMiddle(room: string, { relay, network, ana, bo }: Watched): Promise<void> {
    await this.#title("Somebody stands in the middle, with a certificate of their own");
    await using middle = await ManInTheMiddle.start(relay.port);
    const link = overNetwork(await ana.do("inviteLink", room), network.port);
    network.redirect(middle.port);
    await using dee = this.#person("dee");
    const refusal = await failureOf(dee.do("arrive", link, "dee"));
    must(refusal.code === "not-proven", `first contact: ${refusal.code} ${refusal.message}`);
    await this.#say(`dee, at first contact: “${refusal.message}.”`);
    await bo.do("send", room, "sent while somebody listens");
    await bo.do("reconnect");
    const reason = await bo.do("connection", "stopped");
    await this.#say(`bo, who has been here before: “${reason}.”`);
    must(middle.connections >= 2, "nobody met the one in the middle");
    must(middle.accountBytes === 0, `the one in the middle got ${middle.accountBytes} bytes`);
    const waiting = await bo.do("queued");
    must(waiting === 1, `bo's queue holds ${waiting}`);
    await this.#say(
      `${middle.connections} connections were caught; 0 bytes of account data were sent on them. bo's message waits.`,
    );
    network.redirect(relay.port);
    await bo.do("reconnect");
    await ana.do("reconnect");
    await ana.do("see", room, "bo: sent while somebody listens");
    await this.#say("The way is clear again: the message that waited has arrived.");
  }

  async #impersonate(room: string, { network, relay, ana, bo }: Watched): Promise<void> {
    await this.#title("Another server answers at the same address");
    await using impostor = await RelayProcess.start(PROGRAM_FILE, join(this.#folder, "impostor"));
    network.redirect(impostor.port);
    await bo.do("send", room, "not for the impostor");
    await bo.do("reconnect");
    const reason = await bo.do("connection", "stopped");
    await this.#say(`bo: “${reason}.”`);
    must((await bo.do("queued")) === 1, "bo's message did not wait");
    network.redirect(relay.port);
    await bo.do("reconnect");
    await ana.do("reconnect");
    await ana.do("see", room, "bo: not for the impostor");
    await this.#say("Back at the real one, by its own key chain: the message has arrived.");
  }

  #person(name: string): Person {
    return new Person(PROGRAM_FILE, name, join(this.#folder, name));
  }

  async #title(text: string): Promise<void> {
    await this.#say("");
    await this.#say(`== ${text}`);
  }
}

interface Meeting {
  readonly relay: RelayProcess;
  readonly network: Network;
  readonly people: readonly [Person, Person, Person];
}

interface Watched {
  readonly relay: RelayProcess;
  readonly network: Network;
  readonly ana: Person;
  readonly bo: Person;
}

/** The same link, to be dialled over the demo's network. */
function overNetwork(link: string, port: number): string {
  return formatInviteLink({ ...parseInviteLink(link, Date.now()), port });
}

async function failureOf(attempt: Promise<unknown>): Promise<PersonFailure> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof PersonFailure) return error;
    throw error;
  }
  throw new DemoFailure("the one in the middle was believed");
}

function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new DemoFailure(otherwise);
}

function timeNow(): string {
  return new Date().toTimeString().slice(0, 5);
}
