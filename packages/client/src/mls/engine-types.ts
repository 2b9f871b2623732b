/**
 * Cipher suites a room can use. `1` = X25519, AES-128-GCM, SHA-256, Ed25519 (RFC 9420 §17.1);
 * `83` = X-Wing, AES-256-GCM, SHA-512, Ed25519 (private number of ts-mls 1.6.4, so a room's record names
 * its suite); `3` = suite 1 with ChaCha20-Poly1305, used only to meet other MLS implementations in tests.
 */
export type Suite = 1 | 3 | 83;

/** Why the engine asks about a leaf: it is already in the tree, it is being brought in, or its owner commits. */
export type LeafSituation = "present" | "entering" | "committing";

/** What the engine knows of a leaf. `identity` is opaque here: it must carry its own proof for `signatureKey`. */
export interface LeafClaim {
  readonly identity: Uint8Array;
  /** Raw Ed25519 public key, 32 bytes. */
  readonly signatureKey: Uint8Array;
}

/** A leaf in its place. */
export interface Member extends LeafClaim {
  readonly leafIndex: number;
}

/**
 * Decides whether a credential belongs to its key (RFC 9750 §8.4.3.1). Asked for every leaf on a join, for
 * every Add and update path of a commit, sent or received, and for the committer of every commit.
 *
 * Only `true` admits; `false` or an exception refuses the operation with `unauthenticated` (the exception
 * becomes its `cause`). To follow "accept the tree, then remove" for revoked devices, answer `true` to
 * `present` leaves that were valid once and look at {@link Member} lists afterwards.
 */
export interface AuthenticationService {
  validateLeaf(claim: LeafClaim & { readonly situation: LeafSituation }): Promise<boolean>;
}

/**
 * Makes the credential identity for a fresh leaf key, for instance by signing the key with the device key.
 * Called once per key package, group creation or rejoin.
 */
export type IdentityFor = (leafPublicKey: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/**
 * One change to a group's stored records: a small key-value space per group. Keys are short ASCII
 * (`state`, `tree/12`, `epoch/7/ratchet/3`); bytes are opaque and SECRET.
 * `clear` deletes every key that starts with `prefix` (all of them when it is empty).
 */
export type StateChange =
  | { readonly kind: "put"; readonly key: string; readonly bytes: Uint8Array }
  | { readonly kind: "delete"; readonly key: string }
  | { readonly kind: "clear"; readonly prefix: string };

/** A group's stored records in any order, as {@link StateChange}s left them. */
export type StoredRecords = Iterable<readonly [key: string, bytes: Uint8Array]>;

/**
 * The outcome of an operation that moves a group on, not yet in force.
 *
 * Duties of the caller, in this order: apply `changes` in order and durably, in one transaction, together with
 * whatever else belongs to the event (timeline, cursor, outbox); then send what `result` holds; then call
 * `settle()` once and use the group it returns. If the store fails, drop the step: the group it came from is
 * untouched and can be used again. After `settle()` that older group is spent, and its used-up keys are zeroed.
 */
export interface Step<Result, G> {
  readonly result: Result;
  readonly changes: readonly StateChange[];
  settle(): G;
}

/** Members before and after a commit, and who asked for what. */
export interface CommitChanges {
  /** Epoch the commit was made in; the group is at `epoch + 1n` after it. */
  readonly epoch: bigint;
  /** True when the committer was not a member but came in by itself (RFC 9420 §12.4.3.2). */
  readonly external: boolean;
  /** The committer; in an external commit the new member with the leaf it takes. */
  readonly committer: Member;
  /** `proposer` is the leaf that asked, the committer's own when it was not by reference. */
  readonly added: readonly (Member & { readonly proposer: number })[];
  readonly removed: readonly (Member & { readonly proposer: number })[];
  /** The committer's leaf when the commit carries an update path. An unlike identity must be judged by the caller. */
  readonly updated: { readonly before: Member; readonly after: Member } | undefined;
  /** The new policy, when the commit changes it. */
  readonly policy: Uint8Array | undefined;
  readonly policyProposer: number | undefined;
  /** Members before the commit, and the policy they agreed on. */
  readonly membersBefore: readonly Member[];
  readonly policyBefore: Uint8Array | undefined;
}

/**
 * The caller's role rules. Called once per received commit, after everything cryptographic has been checked
 * and before the commit can take effect. Throwing (or rejecting) refuses it: `unauthorised`, with the
 * exception as `cause`; the group stays as it was.
 */
export type AuthorizeCommit = (changes: CommitChanges) => void | Promise<void>;

/** A proposal waiting for a commit. `ref` names it (RFC 9420 §5.2). */
export interface PendingProposal {
  readonly ref: Uint8Array;
  readonly proposer: number;
  readonly proposal: ProposalContent;
}

/** What the profile lets members propose by reference. */
export type ProposalContent =
  | { readonly kind: "add"; readonly identity: Uint8Array; readonly signatureKey: Uint8Array }
  | { readonly kind: "remove"; readonly leafIndex: number };

/** What a received message turned out to be. */
export type Incoming =
  | {
      readonly kind: "application";
      readonly epoch: bigint;
      readonly sender: Member;
      readonly plaintext: Uint8Array;
      /** Readable by the relay; authentic. */
      readonly authenticatedData: Uint8Array;
    }
  | {
      readonly kind: "proposal";
      readonly epoch: bigint;
      readonly proposal: PendingProposal;
      readonly authenticatedData: Uint8Array;
    }
  | { readonly kind: "commit"; readonly changes: CommitChanges; readonly authenticatedData: Uint8Array }
  /** The commit removed this device. The stored records are cleared but for a tombstone. */
  | { readonly kind: "removed"; readonly changes: CommitChanges; readonly authenticatedData: Uint8Array };

/** What {@link Group.commit} is asked to do. Nothing set = an empty commit that renews the own leaf and path. */
export interface CommitRequest {
  /** Key packages as MLSMessage bytes, at most {@link MAX_ADDS_PER_COMMIT}. */
  readonly add?: readonly Uint8Array[];
  /** Leaf indexes; never the own one. */
  readonly remove?: readonly number[];
  /** A new policy. Must stand alone, else `invalid`; pending proposals are left out and lapse with the epoch. */
  readonly policy?: Uint8Array;
  /**
   * Which of the pending proposals that this member can lawfully commit go in; by default all of them. Its own
   * removal, a second removal of a leaf, expired or refused newcomers never do.
   */
  readonly include?: (pending: PendingProposal) => boolean;
  /** Sent along in the clear, authentic. */
  readonly authenticatedData?: Uint8Array;
}

/** A commit not yet accepted by the relay. */
export interface CommitDraft {
  /** MLSMessage bytes (PrivateMessage). */
  readonly commit: Uint8Array;
  /** MLSMessage bytes for all added members together, without the ratchet tree. */
  readonly welcome: Uint8Array | undefined;
  /** The public ratchet tree of the epoch to come, for joiners. */
  readonly ratchetTree: Uint8Array;
  /** Signed GroupInfo of the epoch to come as MLSMessage bytes, for rejoining; without the tree. */
  readonly groupInfo: Uint8Array;
  /** SECRET, opaque: hand it to {@link Group.merge} when the relay accepts, delete it when another commit wins. */
  readonly pending: Uint8Array;
  readonly changes: CommitChanges;
}

/** A key package's public content, its signatures verified. */
export interface KeyPackageInfo extends LeafClaim {
  readonly suite: Suite;
  /** Seconds since 1970, both ends included. */
  readonly lifetime: { readonly notBefore: bigint; readonly notAfter: bigint };
  readonly lastResort: boolean;
  /** RFC 9420 §5.2 KeyPackageRef, as {@link peekWelcome} lists it. */
  readonly ref: Uint8Array;
}

/** A new key package. Publish `keyPackage`, store `secret` under `ref`. */
export interface GeneratedKeyPackage {
  /** MLSMessage bytes. */
  readonly keyPackage: Uint8Array;
  readonly ref: Uint8Array;
  readonly signatureKey: Uint8Array;
  /** SECRET, opaque: the private half. Delete it once used (a last-resort one when replaced). */
  readonly secret: Uint8Array;
}

export interface KeyPackageRequest {
  readonly suite: Suite;
  readonly identityFor: IdentityFor;
  /** Default: one hour ago to {@link KEY_PACKAGE_LIFETIME_DAYS} from now. At most {@link MAX_LIFETIME_DAYS}. */
  readonly lifetime?: { readonly notBefore: bigint; readonly notAfter: bigint };
  /** Marks a package that may be handed out more than once (last_resort extension). */
  readonly lastResort?: boolean;
}

export interface GroupRequest {
  readonly groupId: Uint8Array;
  readonly suite: Suite;
  readonly identityFor: IdentityFor;
  /** Signed into the group context as extension 0xff01. Absent only in interop tests. */
  readonly policy?: Uint8Array;
}

export interface JoinRequest {
  /** MLSMessage bytes. */
  readonly welcome: Uint8Array;
  /** The tree served beside the Welcome; needed as our Welcomes don't carry it. */
  readonly ratchetTree?: Uint8Array;
  readonly keyPackage: Uint8Array;
  readonly secret: Uint8Array;
}

export interface RejoinRequest {
  /** MLSMessage bytes, fresh: of the epoch the relay is at. */
  readonly groupInfo: Uint8Array;
  readonly ratchetTree: Uint8Array;
  readonly identityFor: IdentityFor;
  /**
   * The leaf this device held before, which the commit removes; `undefined` to come in beside it. In a room of
   * one only the latter works, as a tree can't be emptied: remove the former leaf by a commit afterwards.
   */
  readonly formerLeaf: (members: readonly Member[]) => number | undefined;
  readonly authenticatedData?: Uint8Array;
}

/** An external commit not yet accepted by the relay (RFC 9420 §12.4.3.2). */
export interface RejoinDraft {
  /** MLSMessage bytes (PublicMessage). */
  readonly commit: Uint8Array;
  readonly groupId: Uint8Array;
  /** Epoch the commit was made in. */
  readonly epoch: bigint;
  readonly leafIndex: number;
  readonly ratchetTree: Uint8Array;
  readonly groupInfo: Uint8Array;
  /** SECRET, opaque: hand it to {@link MlsEngine.admit} when the relay accepts, delete it otherwise. */
  readonly pending: Uint8Array;
}

/** What can be told from a message without any key. */
export interface MessageHeader {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly kind: "application" | "proposal" | "commit";
  /** True for an external commit, the only kind that travels unencrypted. */
  readonly external: boolean;
}

/**
 * A group at one moment: an immutable value, and a pure function of its stored records.
 *
 * Not safe for overlapping operations: keep one serial queue per group, and settle or drop each step before
 * the next begins. Each sender's messages must come in the order sent; a skipped message's keys are erased at
 * once, so it can't be read later. Plaintexts are not padded here: the content layer pads to its buckets.
 * Printing a group shows its id and epoch, nothing secret.
 */
export interface Group {
  readonly groupId: Uint8Array;
  readonly suite: Suite;
  readonly epoch: bigint;
  /** False once removed; every operation then throws `removed`. */
  readonly active: boolean;
  readonly ownLeafIndex: number;
  /** Same at all members of an epoch, different in all others. Not secret from members; don't publish. */
  readonly epochAuthenticator: Uint8Array;
  readonly policy: Uint8Array | undefined;
  /** Ascending by leaf index. */
  members(): readonly Member[];
  pendingProposals(): readonly PendingProposal[];
  /** RFC 9420 §8.5. Throws `invalid` for more than 255 hash lengths. */
  exporter(label: string, context: Uint8Array, lengthBytes: number): Promise<Uint8Array>;
  /** The public tree of this epoch, for joiners and rejoiners. */
  ratchetTree(): Uint8Array;
  /** Signed GroupInfo of this epoch as MLSMessage bytes, without the tree. */
  groupInfo(): Promise<Uint8Array>;
  /** Throws `pending-proposals` until a commit has dealt with them (RFC 9420 §12.4). */
  encrypt(
    plaintext: Uint8Array,
    authenticatedData?: Uint8Array,
  ): Promise<Step<{ readonly message: Uint8Array }, Group>>;
  propose(
    proposal:
      | { readonly kind: "remove"; readonly leafIndex: number }
      | { readonly kind: "add"; readonly keyPackage: Uint8Array },
    authenticatedData?: Uint8Array,
  ): Promise<Step<{ readonly message: Uint8Array; readonly proposal: PendingProposal }, Group>>;
  /**
   * Drafts a commit. The step must be stored and settled like any other (it uses up a key); the group stays in
   * its epoch, goes on reading messages of that epoch, and moves on by {@link Group.merge} or another's commit.
   */
  commit(request: CommitRequest): Promise<Step<CommitDraft, Group>>;
  /** Puts the own accepted commit into force. Throws `wrong-epoch` when it was drafted in another epoch. */
  merge(
    pending: Uint8Array,
  ): Promise<
    Step<
      { readonly epoch: bigint; readonly added: readonly Member[]; readonly removed: readonly Member[] },
      Group
    >
  >;
  /**
   * Handles one message from the room log. Own messages must be recognised by the caller beforehand: they come
   * out as `replayed`.
   *
   * Throws `malformed`, `unsupported`, `wrong-group`, `wrong-epoch`, `future-epoch`, `replayed`, `gap`,
   * `unauthenticated`, `unauthorised`, `invalid`, `removed`; the group is unchanged then.
   */
  process(message: Uint8Array, authorizeCommit: AuthorizeCommit): Promise<Step<Incoming, Group>>;
}

/** Everything that is not an operation of one group. Made by {@link createMlsEngine}. */
export interface MlsEngine {
  generateKeyPackage(request: KeyPackageRequest): Promise<GeneratedKeyPackage>;
  /** Verifies structure, both signatures and the length of the lifetime, not whether it is current nor who it is. */
  decodeKeyPackage(keyPackage: Uint8Array): Promise<KeyPackageInfo>;
  create(request: GroupRequest): Promise<Step<undefined, Group>>;
  /** The caller may look at `settle()`'s members and policy and still leave. Throws `not-for-us` when no secret in the Welcome is for the key package. */
  join(request: JoinRequest): Promise<Step<undefined, Group>>;
  rejoin(request: RejoinRequest): Promise<RejoinDraft>;
  /** Turns an accepted rejoin into the group; its changes begin by clearing the old records. */
  admit(pending: Uint8Array): Promise<Step<undefined, Group>>;
  /** Throws `corrupt` when the records are incomplete. */
  restore(records: StoredRecords): Promise<Group>;
}
