import type { Comparison, People, PersonTrust } from "@parley/client";
import { ChatError } from "@parley/client";

/** Sixty digits in twelve groups. */
export const FAKE_SAFETY_NUMBER = Array.from({ length: 12 }, (_, index) => `1234${index % 10}`).join(" ");

const PICTURES = ["Dog", "Cat", "Lion", "Horse", "Unicorn", "Pig", "Elephant"].map((name, index) => ({
  emoji: ["🐶", "🐱", "🦁", "🐎", "🦄", "🐷", "🐘"][index] ?? "",
  name,
}));

/** People without keys: bo is known, and everything that is said of him is remembered. */
export class FakePeople implements People {
  people: readonly PersonTrust[] = [
    {
      account: "b0".repeat(32),
      name: "bo",
      state: "known",
      why: ["in the log, no witness set"],
      introducer: false,
      nameWarnings: [],
    },
  ];
  readonly calls: string[] = [];
  readonly remarksOf = new Map<string, readonly string[]>();
  #comparison: Comparison | undefined;

  async all(): Promise<readonly PersonTrust[]> {
    return this.people;
  }

  async explain(name: string): Promise<PersonTrust> {
    const found = this.people.find((person) => person.name === name.replace(/^@/, ""));
    if (!found) throw new ChatError("no-such-person", `nobody here is called ${name}`);
    return found;
  }

  remarks(): ReadonlyMap<string, readonly string[]> {
    return this.remarksOf;
  }

  async safetyNumber(name: string): Promise<string> {
    await this.explain(name);
    return FAKE_SAFETY_NUMBER;
  }

  async checkNumber(name: string, digits: string): Promise<boolean> {
    await this.explain(name);
    return digits.replace(/\s/g, "") === FAKE_SAFETY_NUMBER.replace(/\s/g, "");
  }

  roomCode(): string {
    return "11111 22222 33333 44444 55555 66666";
  }

  async compare(name: string): Promise<void> {
    await this.explain(name);
    this.#comparison = { phase: "comparing", emoji: PICTURES };
  }

  async answer(_name: string, isSame: boolean): Promise<void> {
    if (this.#comparison?.phase !== "comparing") throw new ChatError("not-allowed", "there are no pictures");
    this.#comparison = isSame ? { phase: "done" } : { phase: "ended", reason: "the pictures differ" };
  }

  async cancelComparison(): Promise<void> {
    this.#comparison = { phase: "ended", reason: "it was cancelled" };
  }

  comparison(): Comparison | undefined {
    return this.#comparison;
  }

  async forget(name: string): Promise<void> {
    this.calls.push(`forget ${name}`);
  }

  async setIntroducer(name: string, counts: boolean): Promise<void> {
    this.calls.push(`introducer ${name} ${counts}`);
  }

  async vouch(name: string, { room }: { readonly room: string }): Promise<void> {
    this.calls.push(`vouch ${name} to ${room}`);
  }

  async endVouch(name: string): Promise<void> {
    this.calls.push(`unvouch ${name}`);
  }
}
