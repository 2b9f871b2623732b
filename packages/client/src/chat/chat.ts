import type { PresetName } from "@parley/trust";
import type { People } from "../people/people.ts";

/**
 * The face of the client: what a screen, a page or a script sees. A screen renders {@link ChatSnapshot}s and timelines
 * and calls the commands of {@link Chat}; it knows nothing of MLS, frames or files.
 *
 * Ids of rooms, accounts and messages are lower-case hex. Times are milliseconds since 1970. Every text that came from
 * another person (names, topics, messages) has been through `displayText` already and is safe to print.
 */

/** The connection to the relay, as the status line tells it. */
export type ConnectionState =
  | { readonly kind: "connecting" }
  | { readonly kind: "connected"; readonly sinceMs: number }
  /** Lost or not reached; `retryAtMs` is when the next try begins. */
  | { readonly kind: "waiting"; readonly retryAtMs: number; readonly reason: string }
  /** Will not try again by itself: the server changed its identity, or logged this device out. */
  | { readonly kind: "stopped"; readonly reason: string; readonly exitCode: number }
  | { readonly kind: "closed" };

/** Why this client believes it talks to the right server; shown in the status line. */
export interface ServerTrust {
  readonly host: string;
  /** One short clause: "pinned by the invite of 24 November 2026". */
  readonly why: string;
  /** The server's 30-digit code, in six groups, for comparing aloud. */
  readonly code: string;
}

/** What a member may do. */
export type Role = "owner" | "admin" | "member";

/** A room in the list. Rooms keep their order of creation; a screen may sort. */
export interface RoomSummary {
  readonly id: string;
  /** For a direct room: the other person's name. Never empty. */
  readonly name: string;
  readonly topic: string;
  readonly direct: boolean;
  readonly role: Role;
  readonly memberCount: number;
  readonly unread: number;
  readonly mentions: number;
  readonly lastActivityMs: number;
  /** `joining`: accepted, waiting for the Welcome to be processed. `repairing`: see the timeline's gap item. */
  readonly state: "active" | "joining" | "repairing" | "leaving" | "left" | "removed";
  /** `post-quantum` (X-Wing) or `classical` (suite 1, rooms above 250 devices). */
  readonly encryption: "post-quantum" | "classical";
  /** How long messages stay after they are sent; 0: for ever. */
  readonly keepMs: number;
}

/** Somebody asks this account into a room. Nothing of the room is known before it is accepted. */
export interface Invitation {
  readonly id: string;
  /** The inviter's name, proved by the account's key chain. */
  readonly from: string;
  readonly direct: boolean;
  readonly receivedAtMs: number;
}

/** One member of a room. */
export interface Member {
  readonly account: string;
  readonly name: string;
  readonly role: Role;
  readonly devices: number;
  readonly me: boolean;
  /** "checked by you on …" or "" – a positive mark is only ever this (trust.md §0.6). */
  readonly checked: string;
}

/** How far an own message has come. */
export type SendState =
  | { readonly kind: "queued" }
  | { readonly kind: "sent" }
  | { readonly kind: "failed"; readonly reason: string };

/** One thing in a room's timeline, oldest first. */
export type TimelineItem =
  | {
      readonly kind: "message";
      readonly id: string;
      /** Place in the room's log; 0 while queued. */
      readonly seq: number;
      readonly atMs: number;
      readonly sender: { readonly account: string; readonly name: string; readonly me: boolean };
      readonly text: string;
      readonly mentionsMe: boolean;
      readonly send: SendState;
      /** When it goes away, in a room whose messages disappear. */
      readonly expiresAtMs?: number;
    }
  /** Something that happened: "bo joined", "ana named the room garden". A whole sentence without a full stop. */
  | {
      readonly kind: "event";
      readonly id: string;
      readonly seq: number;
      readonly atMs: number;
      readonly text: string;
    }
  /** Messages that cannot be shown: why, which, and what is being done about it. */
  | {
      readonly kind: "gap";
      readonly id: string;
      readonly seq: number;
      readonly atMs: number;
      readonly fromSeq: number;
      readonly toSeq: number;
      readonly cause: string;
      readonly action: string;
    };

/** Everything a screen shows besides the open timeline. Immutable; a change makes a new one. */
export interface ChatSnapshot {
  readonly me: { readonly account: string; readonly name: string; readonly device: number };
  readonly connection: ConnectionState;
  readonly server: ServerTrust;
  readonly rooms: readonly RoomSummary[];
  readonly invitations: readonly Invitation[];
  /** Where the recovery words lie until {@link Chat.confirmRecoveryWords}; undefined when confirmed. */
  readonly recoveryWordsFile: string | undefined;
  /** Messages waiting to be sent, over all rooms. */
  readonly queued: number;
  /** What is wrong with the server or with this account, each one sentence; empty when all is well. */
  readonly alarms: readonly string[];
  /** What is not as it should be and may pass by itself, each one sentence: new people wait for it, nothing else does. */
  readonly warnings: readonly string[];
}

/** Why a command was refused; `message` is one sentence for the person. */
export const CHAT_ERROR_CODES = [
  "no-such-room",
  "no-such-person",
  "no-such-invitation",
  "not-allowed",
  "unreachable",
  "name-invalid",
  "too-long",
  "already-member",
  "offline",
  "wrong-words",
  /** Not now: the user's policy wants more than there is yet. */
  "held-back",
  "refused",
  "internal",
] as const;
/** One of {@link CHAT_ERROR_CODES}. */
export type ChatErrorCode = (typeof CHAT_ERROR_CODES)[number];

/** The error of the commands. */
export class ChatError extends Error {
  override readonly name = "ChatError";
  readonly code: ChatErrorCode;

  /** @param message one sentence for the person, without a full stop. */
  constructor(code: ChatErrorCode, message: string) {
    super(message);
    this.code = code;
  }

  /** Whether the same command may succeed later: the relay is out of reach, or witnesses are. */
  get retryable(): boolean {
    return this.code === "offline" || this.code === "held-back";
  }
}

/** A page of a timeline. */
export interface TimelinePage {
  readonly items: readonly TimelineItem[];
  /** Whether older items exist locally. */
  readonly more: boolean;
}

/** How the replica of the server's log stands. */
export interface ServerLogStatus {
  /** Names the log; empty when the relay keeps none, or before the first sync. */
  readonly origin: string;
  /** Number of entries. */
  readonly size: number;
  /** 32 bytes, lower-case hex; empty with an empty origin. */
  readonly root: string;
  readonly syncedAtMs: number;
  readonly alarms: readonly string[];
  /** Whether there is proof that the log forked: {@link ServerLog.evidence}. */
  readonly forked: boolean;
}

/** The server's transparency log (trust.md §B), as this device holds it: every entry, recomputed. */
export interface ServerLog {
  status(): ServerLogStatus;
  /** Fetches what is new. Throws ChatError `offline`, `refused`. */
  sync(): Promise<ServerLogStatus>;
  /** Computes the whole tree again from the entries on disk; false when it does not lead to the signed root. */
  check(): Promise<boolean>;
  /** C2SP tlog-proofs that the entries of a person's key chain are in the log, oldest first. Throws ChatError. */
  prove(name: string): Promise<readonly Uint8Array[]>;
  /** The signed checkpoint; undefined before the first sync. */
  checkpoint(): Uint8Array | undefined;
  /** All entries in order, with the name that an entry claims behind a commitment, and what opens that, where known. */
  entries(): Iterable<{
    readonly entry: Uint8Array;
    readonly opening?: { readonly name: string; readonly opening: Uint8Array } | undefined;
  }>;
  /** Proof that the log's key signed two histories, for `scripts/verify-fork-evidence.js`; undefined when there is none. */
  evidence(): Uint8Array | undefined;
  /** The log's key, as the server's chain names it; undefined before the first sync. */
  key(): string | undefined;
}

/** One of the user's witnesses, as `parley trust witnesses` tells it. */
export interface WitnessStatus {
  /** The name in its key. */
  readonly name: string;
  readonly url: string | undefined;
  /** When it signed the newest checkpoint, by its own clock; undefined when it has not. */
  readonly signedAtMs: number | undefined;
}

/** What the user has said of whom to believe, and how the server's log stands with it. */
export interface PolicyStatus {
  /** The account's server, by the words of a trust file; undefined without an account. */
  readonly server:
    | {
        /** Without port. */
        readonly host: string;
        /** Lower-case hex. */
        readonly id: string;
        /** Undefined before the first sync. */
        readonly logKey: string | undefined;
      }
    | undefined;
  readonly preset: PresetName;
  /** The preset's rules, as a `policy.toml`. */
  readonly rules: string;
  readonly files: readonly {
    readonly title: string;
    readonly expiresAtMs: number;
    readonly isOver: boolean;
    readonly hosts: readonly string[];
  }[];
  /** "2 of 3"; with several files, each one's; empty when no witness is set. */
  readonly quorum: string;
  readonly witnesses: readonly WitnessStatus[];
  /** Entries of the log that the quorum has signed, and when last by its own clocks; undefined: none. */
  readonly signed: { readonly size: number; readonly atMs: number } | undefined;
  readonly warnings: readonly string[];
}

/** What a policy would say of one person, by the evidence there is. */
export interface PolicyOutcome {
  /** Safe to print. */
  readonly name: string;
  readonly isMet: boolean;
  /** The rule's tree, one line for each part. */
  readonly text: string;
}

/** The user's trust policy (trust.md, Policy). */
export interface ClientPolicy {
  status(): Promise<PolicyStatus>;
  /** As in {@link ChatSnapshot}. */
  warnings(): readonly string[];
  setPreset(preset: PresetName): Promise<void>;
  /**
   * Takes a signed trust file in; `requireSignature`: vkeys of which one must have signed it and all that follow it.
   * Throws TrustError for a file that cannot be taken, ChatError `not-allowed` for a quorum that is too weak.
   *
   * @returns its title.
   */
  addTrustFile(note: Uint8Array, requireSignature: readonly string[]): Promise<string>;
  /** Holds everybody met against another policy, given as a `policy.toml`. Throws TrustError for one that is none. */
  test(rules: string): readonly PolicyOutcome[];
}

/** A running client for one account on one device. */
export interface Chat {
  /** The newest snapshot; the same object until something changes (fit for `useSyncExternalStore`). */
  snapshot(): ChatSnapshot;
  /** Calls `listener` after each change of the snapshot; returns the way to stop. */
  subscribe(listener: () => void): () => void;

  /** Up to `limit` items of a room, ending just before `before` (an item's id) or at the newest. */
  timeline(room: string, options: { readonly limit: number; readonly before?: string }): TimelinePage;
  /** Calls `listener` after each change to the room's timeline; returns the way to stop. */
  subscribeTimeline(room: string, listener: () => void): () => void;
  members(room: string): readonly Member[];

  /** A room of one; returns its id. */
  createRoom(name: string): Promise<string>;
  /** The room of two with `person` (a name), made if there is none; returns its id. */
  openDirect(person: string): Promise<string>;
  /** Adds people by name. Those who cannot be reached are named in the ChatError. */
  invite(room: string, people: readonly string[]): Promise<void>;
  /** Joins; returns the room's id. */
  acceptInvitation(invitation: string): Promise<string>;
  declineInvitation(invitation: string): Promise<void>;
  leaveRoom(room: string): Promise<void>;
  removeMember(room: string, person: string): Promise<void>;
  renameRoom(room: string, name: string): Promise<void>;
  setTopic(room: string, topic: string): Promise<void>;
  setRole(room: string, person: string, role: Role): Promise<void>;
  /** How long messages sent from now on stay, on every member's devices; 0: for ever. 5 seconds to 366 days. */
  setKeepTime(room: string, keepMs: number): Promise<void>;

  /**
   * Puts a message on disk and returns its id at once; it goes out when it can, in order, exactly once. It is known by this
   * id until it is sent, then by its place in the timeline.
   */
  send(room: string, text: string): Promise<string>;
  /** Tries a failed message again. */
  retry(message: string): Promise<void>;
  /** Everything shown so far in the room has been read. */
  markRead(room: string): void;

  /** A link that brings one new person here, with the server's pin and this account's; and into `room`, if given. */
  createInviteLink(options: { readonly room?: string; readonly ttlMs?: number }): Promise<string>;
  /** Compares with the words of sign-up; on success the file that holds them is removed. */
  confirmRecoveryWords(words: string): Promise<void>;

  /** The server's log, as this device holds it. */
  log(): ServerLog;
  /** Who other people are, and how the user makes sure of it. */
  people(): People;
  /** Whom the user has said to believe. */
  policy(): ClientPolicy;

  /** Try to connect now instead of at `retryAtMs`. */
  reconnect(): void;
  /** Finishes what is being written and lets go of the store. Queued messages stay queued. */
  close(): Promise<void>;
}
