import fc from "fast-check";
import { expect } from "vitest";
import type { CommitDraft, GeneratedKeyPackage, Group, Suite } from "./engine-types.ts";
import { allowing, Device, hex, text, utf8 } from "./test-room.ts";

/** One random step. The numbers pick people; they mean something in whatever room the step meets. */
export interface RandomStep {
  readonly kind:
    | "add"
    | "remove"
    | "add and remove"
    | "update"
    | "rejoin"
    | "newcomer"
    | "policy"
    | "lose a commit";
  readonly byReference: boolean;
  readonly reload: boolean;
  readonly picks: readonly number[];
}

export const randomSteps = (steps: number): fc.Arbitrary<RandomStep[]> =>
  fc.array(
    fc.record({
      kind: fc.constantFrom(
        "add" as const,
        "add" as const,
        "add" as const,
        "remove" as const,
        "remove" as const,
        "add and remove" as const,
        "update" as const,
        "update" as const,
        "rejoin" as const,
        "newcomer" as const,
        "policy" as const,
        "lose a commit" as const,
      ),
      byReference: fc.boolean(),
      reload: fc.boolean(),
      picks: fc.array(fc.nat(1_000), { minLength: 10, maxLength: 10 }),
    }),
    { minLength: steps, maxLength: steps },
  );

/**
 * A room of honest members in which nothing may ever go wrong. In half of the steps each message is handled by the
 * live group and by one restored from its records; both must come to the same result and the same records.
 */
export class HonestRoom {
  readonly #suite: Suite;
  readonly #mostMembers: number;
  #members: Device[] = [];
  #named = 0;
  #alsoRestored = true;

  constructor(suite: Suite, mostMembers: number) {
    this.#suite = suite;
    this.#mostMembers = mostMembers;
  }

  #device(): Device {
    this.#named += 1;
    return new Device(`member ${this.#named}`, this.#suite);
  }

  async run(steps: readonly RandomStep[]): Promise<void> {
    this.#members = [await this.#device().create()];
    for (const [number, step] of steps.entries()) {
      this.#alsoRestored = step.reload;
      if (step.reload) for (const device of this.#members) await device.reload();
      const pick = picker(step.picks);
      await this.#step(step, pick);
      expect(new Set(this.#members.map(({ group }) => hex(group.epochAuthenticator))).size).toBe(1);
      const speaker = pick(this.#members);
      const message = await speaker.say(`step ${number}`);
      await this.#hearAll(message, [speaker]);
    }
  }

  async #step(step: RandomStep, pick: <Item>(items: readonly Item[]) => Item): Promise<void> {
    const committer = pick(this.#members);
    if (step.kind === "update") return this.#conclude(committer, await committer.commit());
    if (step.kind === "policy")
      return this.#conclude(
        committer,
        await committer.commit({ policy: utf8(`policy ${pick(step.picks)}`) }),
      );
    if (step.kind === "newcomer") return this.#comeFromOutside(this.#device(), committer);
    if (step.kind === "rejoin") return this.#comeFromOutside(committer, pick(this.#members));
    if (step.kind === "lose a commit") return this.#loseCommit(committer, pick(this.#members));
    const adding = step.kind !== "remove";
    const removing = step.kind !== "add" && this.#members.length > 2;
    const room = this.#mostMembers - this.#members.length;
    const newcomers = adding
      ? [this.#device(), this.#device(), this.#device()].slice(0, Math.min(room, pick([1, 2, 3])))
      : [];
    const leavers = removing
      ? new Set([pick(this.#members), pick(this.#members)].filter((d) => d !== committer))
      : new Set<Device>();
    await this.#change(
      committer,
      newcomers,
      [...leavers],
      step.byReference ? pick(this.#members) : undefined,
    );
  }

  async #change(
    committer: Device,
    newcomers: Device[],
    leavers: Device[],
    proposer: Device | undefined,
  ): Promise<void> {
    const packages = await Promise.all(newcomers.map((device) => device.keyPackage()));
    const leaves = leavers.map(({ group }) => group.ownLeafIndex);
    if (proposer !== undefined) {
      for (const { keyPackage } of packages) await this.#propose(proposer, { kind: "add", keyPackage });
      for (const leafIndex of leaves) await this.#propose(proposer, { kind: "remove", leafIndex });
      return this.#conclude(committer, await committer.commit(), newcomers, packages, leavers);
    }
    const add = packages.map(({ keyPackage }) => keyPackage);
    return this.#conclude(
      committer,
      await committer.commit({ add, remove: leaves }),
      newcomers,
      packages,
      leavers,
    );
  }

  async #propose(proposer: Device, proposal: Parameters<Group["propose"]>[0]): Promise<void> {
    const { message } = proposer.take(await proposer.group.propose(proposal));
    await this.#hearAll(message, [proposer]);
  }

  /** Two commit at once: the relay takes one, and the other's draft lapses. */
  async #loseCommit(winner: Device, loser: Device): Promise<void> {
    if (winner === loser) return;
    loser.take(await loser.group.commit({}));
    await this.#hearAll(await winner.say("between draft and acceptance"), [winner]);
    await this.#conclude(winner, await winner.commit());
  }

  async #conclude(
    committer: Device,
    draft: CommitDraft,
    newcomers: readonly Device[] = [],
    packages: readonly GeneratedKeyPackage[] = [],
    leavers: readonly Device[] = [],
  ): Promise<void> {
    for (const device of leavers) expect((await this.#hear(device, draft.commit)).kind).toBe("removed");
    this.#members = this.#members.filter((device) => !leavers.includes(device));
    await this.#hearAll(draft.commit, [committer]);
    for (const [index, device] of newcomers.entries()) await device.join(draft, packages[index]!);
    this.#members.push(...newcomers);
  }

  async #comeFromOutside(device: Device, helper: Device): Promise<void> {
    // The last member can't take its own place: a tree has no empty state.
    if (this.#members.length === 1 && device === helper) return;
    if (this.#members.length >= this.#mostMembers && !this.#members.includes(device)) return;
    const draft = await device.engine.rejoin({
      groupInfo: await helper.group.groupInfo(),
      ratchetTree: helper.group.ratchetTree(),
      identityFor: device.identityFor,
      formerLeaf: (members) => members.find(({ identity }) => text(identity) === device.name)?.leafIndex,
    });
    await this.#hearAll(draft.commit, [device]);
    device.take(await device.engine.admit(draft.pending));
    if (!this.#members.includes(device)) this.#members.push(device);
  }

  async #hearAll(message: Uint8Array, except: readonly Device[]): Promise<void> {
    for (const device of this.#members) if (!except.includes(device)) await this.#hear(device, message);
  }

  async #hear(device: Device, message: Uint8Array) {
    if (!this.#alsoRestored) return device.hear(message);
    const restored = await device.engine.restore(
      [...device.records].map(([key, bytes]) => [key, bytes.slice()]),
    );
    const [live, again] = [
      await device.group.process(message, allowing),
      await restored.process(message, allowing),
    ];
    expect(again.result).toEqual(live.result);
    expect(again.changes).toEqual(live.changes);
    return device.take(live);
  }
}

function picker(picks: readonly number[]): <Item>(items: readonly Item[]) => Item {
  let next = 0;
  return (items) => {
    const number = picks[next++ % picks.length] ?? 0;
    const item = items[number % items.length];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  };
}
