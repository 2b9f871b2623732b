import { ChatError } from "../chat/chat.ts";
import type { Group, IdentityFor } from "../mls/index.ts";
import type { NamedTimers } from "./named-timers.ts";
import type { RoomRole } from "./policy.ts";
import type { CommitHost, RoomCommits } from "./room-commits.ts";
import { comeBack } from "./room-record.ts";
import { rejoin, repairDelayMs } from "./room-repair.ts";
import type { FollowUp, RoomContext } from "./room-work.ts";

/** Members act on what all of them could act on one after the other, so that mostly one does. */
const STAGGER_MS = 400;
const LAST_RANK = 20;
/** How far behind all who stay somebody who leaves stands in line. */
const LEAVER_RANK = 10;
const REPLACE_RETRY_MS = 60_000;

/** What a room's duties need of it. */
export interface DutyHost extends CommitHost {
  readonly commits: RoomCommits;
  readonly loadedGroup: Group | undefined;
  may(least: RoomRole): boolean;
  /** What waited for this may go. */
  flush(): void;
}

/** Uniform in [0, 1). */
export function randomOf({ randomBytes }: RoomContext): number {
  const [a = 0, b = 0] = randomBytes(2);
  return (a * 256 + b) / 65536;
}

/** What a member owes a room beside sending: committing proposals, replacing refused commits, coming back. */
export class RoomDuties {
  readonly #host: DutyHost;
  readonly #identityFor: IdentityFor;
  readonly #timers: NamedTimers;
  readonly #run: (task: () => Promise<unknown>) => void;
  #repairs = 0;

  /** @param options `run`: starts work in the background and looks after its failures. */
  constructor(options: {
    readonly host: DutyHost;
    readonly identityFor: IdentityFor;
    readonly timers: NamedTimers;
    readonly run: (task: () => Promise<unknown>) => void;
  }) {
    this.#host = options.host;
    this.#identityFor = options.identityFor;
    this.#timers = options.timers;
    this.#run = options.run;
  }

  /** The room can be followed: the next repair begins with the shortest wait. */
  followed(): void {
    this.#repairs = 0;
  }

  /** Does it in its turn, unless it is waiting for that already. */
  follow(followUp: Exclude<FollowUp, "tell-state">): void {
    switch (followUp) {
      case "commit-proposals":
        return this.#timers.set(followUp, this.#turnMs(), () => this.#run(() => this.#commitProposals()));
      case "replace":
        return this.#timers.set(followUp, this.#turnMs(), () => this.#run(() => this.#replaceRefused()));
      case "rejoin": {
        if (this.#timers.runs(followUp)) return;
        const waitMs = repairDelayMs(this.#repairs++, randomOf(this.#host.context));
        return this.#timers.set(followUp, waitMs, () => this.#run(() => this.#rejoin()));
      }
    }
  }

  /** How long this member lets others go first: by its place among the leaves. */
  #turnMs(): number {
    const { loadedGroup: group, record, context } = this.#host;
    const place = group ? group.members().findIndex(({ leafIndex }) => leafIndex === group.ownLeafIndex) : 0;
    const handicap = (this.#host.may("admin") ? 0 : 4) + (record.state === "leaving" ? LEAVER_RANK : 0);
    return (Math.min(place + handicap, LAST_RANK) + randomOf(context)) * STAGGER_MS;
  }

  async #commitProposals(): Promise<void> {
    const { state } = this.#host.record;
    if (state !== "active" && state !== "leaving") return;
    // Who leaves cannot commit the own removal, but those of others: two who leave together must not wait for ever.
    await this.#host.commits.commit((group) => {
      const proposals = group.pendingProposals();
      const others = proposals.filter(({ proposer }) => proposer !== group.ownLeafIndex);
      return (state === "leaving" ? others : proposals).length > 0 ? { request: {} } : undefined;
    });
    this.#host.flush();
  }

  /** docs/protocol.md §5.4. */
  async #replaceRefused(): Promise<void> {
    const { refused, state } = this.#host.record;
    if (!refused || (state !== "active" && state !== "leaving")) return;
    try {
      await this.#host.commits.commit(() => (this.#host.record.refused ? { request: {} } : undefined));
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      this.#timers.set("replace", REPLACE_RETRY_MS, () => this.#run(() => this.#replaceRefused()));
    }
    this.#host.flush();
  }

  async #rejoin(): Promise<void> {
    if (this.#host.record.state !== "repairing" || !this.#host.connection()) return;
    const isPossible = await rejoin(this.#host, this.#host.commits, this.#identityFor);
    if (!isPossible && this.#host.record.refused && this.#host.loadedGroup) {
      // The relay's GroupInfo is as bad as the commit: nobody can have followed it.
      await this.#host.queue.run(() =>
        this.#host.writeRecord({ ...this.#host.record, ...comeBack(this.#host.record) }),
      );
      this.follow("replace");
    }
    if (this.#host.record.state === "repairing") this.follow("rejoin");
  }
}
