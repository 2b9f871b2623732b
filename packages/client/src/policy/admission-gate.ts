import type { Clock } from "../connection/clock.ts";
import type { RelayConnection } from "../connection/connection.ts";
import type { LogWatch } from "../log/log-watch.ts";
import type { Contact } from "../rooms/account-directory.ts";
import type { Admission } from "./admission.ts";

/** Witnesses sign a moment after the server has a new key: what is waited for them, in turn. */
const PATIENCE_MS = [200, 400, 800, 1600] as const;

/** Asks the policy about somebody who is to be put into a group, with the log as it is at that moment. */
export class AdmissionGate {
  readonly #admission: Admission;
  readonly #watch: LogWatch;
  readonly #clock: Clock;
  /** Throws ChatError `offline`. */
  readonly #connection: () => RelayConnection;
  readonly #unsafeTestingOpen: boolean;

  constructor(options: {
    readonly admission: Admission;
    readonly watch: LogWatch;
    readonly clock: Clock;
    readonly connection: () => RelayConnection;
    readonly unsafeTestingOpen: boolean;
  }) {
    this.#admission = options.admission;
    this.#watch = options.watch;
    this.#clock = options.clock;
    this.#connection = options.connection;
    this.#unsafeTestingOpen = options.unsafeTestingOpen;
  }

  /** Throws ChatError `held-back` for somebody who has to wait, and what `LogWatch.refresh` throws. */
  async require(person: Contact): Promise<void> {
    if (this.#unsafeTestingOpen || this.#admission.admits(person)) return;
    await this.#watch.refresh(this.#connection());
    for (const waitMs of PATIENCE_MS) {
      if (this.#admission.admits(person) || !this.#isMomentary(person)) break;
      await new Promise<void>((resolve) => this.#clock.setTimer(waitMs, resolve));
      await this.#watch.refresh(this.#connection());
    }
    this.#admission.require(person);
  }

  /** To follow an invitation is to be put into a group with whoever sent it: as {@link require}, unless they are checked. */
  async requireInviter(inviter: Contact): Promise<void> {
    if (!this.#admission.isChecked(inviter)) await this.require(inviter);
  }

  #isMomentary({ account }: Contact): boolean {
    const { witnessed } = this.#watch;
    const isSigned = witnessed.standing.kind === "fresh" || witnessed.standing.kind === "old";
    return isSigned && witnessed.isBehind && !witnessed.covers(account);
  }
}
