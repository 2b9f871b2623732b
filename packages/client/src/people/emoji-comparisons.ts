import type { DeviceAddress } from "@parley/protocol";
import { bytesEqual, idText } from "@parley/protocol";
import type { AccountState, CheckParty, SasReason, SasSetup, SasState, SasStep } from "@parley/trust";
import { awaitSas, cancelSas, confirmSas, receiveSas, startSas } from "@parley/trust";
import { ChatError } from "../chat/chat.ts";
import { inBackground } from "../chat/commands.ts";
import type { Clock } from "../connection/clock.ts";
import type { LogView } from "../log/log-replica.ts";
import type { AccountDirectory } from "../rooms/account-directory.ts";
import { SerialQueue } from "../rooms/serial-queue.ts";
import type { Comparison, ComparisonRoad } from "./people.ts";
import { COMPARISON_MS } from "./people.ts";

/** Bytes of the number that tells one comparison from another. */
const COMPARISON_ID_BYTES = 16;

/** One message of a comparison, as it travels inside an encrypted message of the direct room. */
export interface ComparisonMessage {
  readonly comparison: Uint8Array;
  readonly message: Uint8Array;
}

/** A message of the other side, with what MLS proves of it. */
export interface HeardComparison extends ComparisonMessage {
  readonly room: string;
  /** The device whose leaf signed it. */
  readonly sender: DeviceAddress;
  readonly atMs: number;
}

/** What comparisons need of the chat around them. */
export interface ComparisonOptions {
  readonly me: DeviceAddress;
  readonly serverId: Uint8Array;
  readonly clock: Clock;
  readonly randomBytes: (length: number) => Uint8Array;
  readonly directory: Pick<AccountDirectory, "freshState" | "nameOf">;
  /** How this device sees the server's log. */
  readonly view: () => LogView | undefined;
  readonly send: (room: string, message: ComparisonMessage) => void;
  /** Puts a sentence into a room's timeline. */
  readonly tell: (text: string, room: string) => void;
  /** Both sides have confirmed. */
  readonly checked: (peer: AccountState, road: ComparisonRoad) => void;
  readonly onChange: () => void;
  readonly onFault: (error: unknown) => void;
  /** Changes what is sent, so that tests can play the other side's man in the middle. */
  readonly unsafeTestingMessage?: ((message: Uint8Array) => Uint8Array) | undefined;
}

interface Run {
  readonly id: Uint8Array;
  readonly peer: AccountState;
  readonly room: string;
  /** The other side's device: once one has spoken, no other counts. */
  peerDevice: number | undefined;
  state: SasState;
  /** The answer to a question that the user has not agreed to yet: the commitment. */
  held: readonly Uint8Array[] | undefined;
  road: ComparisonRoad;
  stopTimer: () => void;
}

/**
 * Comparisons of emoji with other people, at most one with each at a time, in memory only: a program that ends gives them
 * up. The cryptography is `startSas` of `@parley/trust`; here are the messages, the agreement and the time.
 */
export class EmojiComparisons {
  readonly #options: ComparisonOptions;
  readonly #runs = new Map<string, Run>();
  readonly #queue = new SerialQueue();

  constructor(options: ComparisonOptions) {
    this.#options = options;
  }

  /** How the newest comparison with an account stands. */
  with(account: Uint8Array): Comparison | undefined {
    const run = this.#runs.get(idText(account));
    return run && shown(run);
  }

  /** Asks, or agrees to what the other side asked. Throws ChatError `not-allowed` while one is under way. */
  begin(account: Uint8Array, room: string): Promise<void> {
    return this.#queue.run(async () => {
      const run = this.#runs.get(idText(account));
      if (run?.held) return this.#agree(run);
      if (run && isUnderWay(run)) {
        throw new ChatError("not-allowed", "a comparison with this person is under way; cancel it first");
      }
      const peer = await this.#options.directory.freshState(account);
      const { state, send } = await startSas(await this.#setup(peer, undefined));
      const id = this.#options.randomBytes(COMPARISON_ID_BYTES);
      this.#open({ id, peer, room, peerDevice: undefined, state, held: undefined }, send);
    });
  }

  /** The user's answer to the pictures. Throws ChatError `not-allowed` when there are none. */
  answer(account: Uint8Array, isSame: boolean, road: ComparisonRoad): Promise<void> {
    return this.#queue.run(() => {
      const run = this.#runs.get(idText(account));
      if (run?.state.phase !== "comparing") {
        throw new ChatError("not-allowed", "there are no pictures to compare with this person now");
      }
      run.road = road;
      this.#step(run, confirmSas(run.state, isSame));
    });
  }

  /** Without effect when there is none. */
  cancel(account: Uint8Array): Promise<void> {
    return this.#queue.run(() => {
      const run = this.#runs.get(idText(account));
      if (run && isUnderWay(run)) this.#step(run, cancelSas(run.state));
    });
  }

  /** Takes a message that came in a direct room with its sender. */
  heard(heard: HeardComparison): void {
    inBackground(
      this.#queue.run(() => this.#take(heard)),
      this.#options.onFault,
    );
  }

  /** Nothing is waited for any more. */
  close(): void {
    for (const run of this.#runs.values()) run.stopTimer();
  }

  async #take(heard: HeardComparison): Promise<void> {
    const { me } = this.#options;
    const { sender, comparison } = heard;
    if (bytesEqual(sender.account, me.account)) return this.#takeOwn(heard);
    const run = this.#runs.get(idText(sender.account));
    if (!run || !bytesEqual(run.id, comparison)) return this.#takeQuestion(heard, run);
    if (!isUnderWay(run)) return;
    if (run.peerDevice === undefined) {
      const bound = withDevice(run.state, deviceKeyOf(run.peer, sender.device));
      if (!bound) return this.#step(run, cancelSas(run.state));
      run.peerDevice = sender.device;
      run.state = bound;
    }
    if (sender.device !== run.peerDevice) return;
    const step = await receiveSas(run.state, heard.message);
    // The commitment has not been sent: whoever sends a key now has not waited for it.
    const isEarly = run.held && step.state.phase !== "aborted";
    this.#step(run, isEarly ? cancelSas(run.state) : step);
  }

  /** Another device of this account has taken the question up. */
  #takeOwn({ sender, comparison }: HeardComparison): void {
    if (sender.device === this.#options.me.device) return;
    for (const [key, run] of this.#runs) {
      if (!run.held || !bytesEqual(run.id, comparison)) continue;
      run.stopTimer();
      this.#runs.delete(key);
      this.#options.onChange();
    }
  }

  /** A message of a comparison that is not known: a question, or what is left of an old one. */
  async #takeQuestion(heard: HeardComparison, present: Run | undefined): Promise<void> {
    const { clock, directory, tell } = this.#options;
    const { sender, room, comparison: id, message } = heard;
    if (heard.atMs < clock.nowMs() - COMPARISON_MS) return;
    const isOwnQuestion = present?.state.phase === "awaiting-commitment";
    if (isOwnQuestion && idText(present.id) < idText(id)) return;
    const peer = await directory.freshState(sender.account);
    const deviceKey = deviceKeyOf(peer, sender.device);
    if (!deviceKey) return;
    const waiting = await awaitSas(await this.#setup(peer, deviceKey));
    const { state, send } = await receiveSas(waiting.state, message);
    const isRefusal = state.phase === "aborted" && state.reason !== "unexpected" && !state.byPeer;
    if (state.phase !== "awaiting-initiator-key" && !isRefusal) return;
    const run = { id, peer, room, peerDevice: sender.device, state };
    if (isRefusal) return this.#open({ ...run, held: undefined }, send);
    // Both have asked: the user has agreed already.
    if (isOwnQuestion) return this.#open({ ...run, held: undefined }, send);
    this.#open({ ...run, held: send }, []);
    const name = directory.nameOf(sender.account);
    tell(
      `${name} wants to compare emoji with you: call each other or meet, then type /verify @${name} emoji`,
      room,
    );
  }

  #agree(run: Run): void {
    const send = run.held ?? [];
    run.held = undefined;
    this.#step(run, { state: run.state, send });
  }

  #open(begun: Omit<Run, "road" | "stopTimer">, send: readonly Uint8Array[]): void {
    const key = idText(begun.peer.accountId);
    this.#runs.get(key)?.stopTimer();
    const stopTimer = this.#options.clock.setTimer(COMPARISON_MS, () => {
      inBackground(this.cancel(begun.peer.accountId), this.#options.onFault);
    });
    const run: Run = { ...begun, road: "voice", stopTimer };
    this.#runs.set(key, run);
    this.#step(run, { state: run.state, send });
  }

  #step(run: Run, { state, send }: SasStep): void {
    const { unsafeTestingMessage: altered = (message: Uint8Array) => message, directory } = this.#options;
    const before = run.state.phase;
    run.state = state;
    for (const message of send) {
      this.#options.send(run.room, { comparison: run.id, message: altered(message) });
    }
    const name = directory.nameOf(run.peer.accountId);
    if (state.phase === "comparing" && before !== "comparing") {
      // A picture and its word stay on one line.
      const pictures = state.emoji.map(({ emoji, name: word }) => `${emoji}\u00a0${word}`).join("  ");
      this.#options.tell(
        `Compare with ${name} aloud: ${pictures}  – the same? /verify @${name} match, or nomatch`,
        run.room,
      );
    }
    if (state.phase === "done") {
      run.stopTimer();
      this.#options.checked(run.peer, run.road);
      this.#options.tell(`you and ${name} have checked each other`, run.room);
    }
    if (state.phase === "aborted") {
      run.held = undefined;
      run.stopTimer();
      this.#options.tell(`the comparison with ${name} ended: ${endText(state)}`, run.room);
    }
    this.#options.onChange();
  }

  async #setup(peer: AccountState, deviceKey: Uint8Array | undefined): Promise<SasSetup> {
    const { me, serverId, directory, view } = this.#options;
    const mine = await directory.freshState(me.account);
    const ownKey = deviceKeyOf(mine, me.device);
    if (!ownKey) throw new ChatError("not-allowed", "this device is not one of this account's any more");
    const own: CheckParty = {
      account: me.account,
      chainHead: mine.head,
      deviceKey: ownKey,
      checkpoint: view(),
    };
    return {
      serverId,
      own,
      peer: { account: peer.accountId, chainHead: peer.head, deviceKey: deviceKey ?? UNKNOWN_KEY },
    };
  }
}

/** Stands for the key of a device that has not spoken yet; equal to none. */
const UNKNOWN_KEY = new Uint8Array(32);

/** Any device of the other side may answer; from then on it is that one. */
function withDevice(state: SasState, deviceKey: Uint8Array | undefined): SasState | undefined {
  if (!deviceKey || state.phase !== "awaiting-commitment") return undefined;
  return { ...state, run: { ...state.run, peer: { ...state.run.peer, deviceKey } } };
}

function deviceKeyOf({ devices }: AccountState, number: number): Uint8Array | undefined {
  return devices.find((device) => device.number === number && device.revokedAtMs === undefined)?.publicKey;
}

function isUnderWay({ state }: Run): boolean {
  return state.phase !== "done" && state.phase !== "aborted";
}

function shown({ state, held }: Run): Comparison {
  if (held) return { phase: "asked" };
  switch (state.phase) {
    case "comparing":
      return { phase: "comparing", emoji: state.emoji };
    case "awaiting-confirmation":
      return { phase: "confirming" };
    case "done":
      return { phase: "done" };
    case "aborted":
      return { phase: "ended", reason: endText(state) };
    default:
      return { phase: "waiting" };
  }
}

const END_TEXTS: Readonly<Record<SasReason, string>> = {
  cancelled: "it was cancelled, or took too long",
  different: "the pictures differ, so somebody may be between you: check each other in person",
  "party-mismatch": "the other side is not whom the server's log shows",
  "commitment-mismatch": "a key was swapped on the way, so somebody is between you",
  "bad-key": "the other side sent a key that nobody honest sends",
  "confirmation-mismatch": "the other side confirmed something else",
  unexpected: "a message came out of turn",
  malformed: "a message could not be read",
};

function endText({ reason, byPeer }: SasState & { phase: "aborted" }): string {
  return byPeer ? `the other side says: ${END_TEXTS[reason]}` : END_TEXTS[reason];
}
