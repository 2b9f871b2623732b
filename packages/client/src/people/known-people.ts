import type { DeviceAddress } from "@parley/protocol";
import { bytesEqual, idText } from "@parley/protocol";
import type { AccountState, CheckMethod, LogStanding, Signer } from "@parley/trust";
import {
  createVouch,
  createVouchEnd,
  decodeVouch,
  isSafetyNumber,
  roomCode,
  safetyNumber,
  TrustError,
} from "@parley/trust";
import { ChatError } from "../chat/chat.ts";
import { inBackground, online } from "../chat/commands.ts";
import type { Clock } from "../connection/clock.ts";
import type { RoomContent } from "../content/room-content.ts";
import { auditAccount } from "../log/log-audit.ts";
import type { LogWatch } from "../log/log-watch.ts";
import type { AccountDirectory, Contact } from "../rooms/account-directory.ts";
import { NotAuthorised } from "../rooms/authorization.ts";
import type { Room } from "../rooms/room.ts";
import type { ClientStore } from "../store/client-store.ts";
import { EmojiComparisons } from "./emoji-comparisons.ts";
import type { Comparison, ComparisonRoad, People, PersonTrust } from "./people.ts";
import { VOUCH_MS } from "./people.ts";
import type { Knowledge } from "./person-trust.ts";
import { checkedText, lookAlikes, markOf, standingOf, troubleOf } from "./person-trust.ts";
import type { StatementBook } from "./statement-book.ts";
import { accountSubject } from "./statement-book.ts";
import { VouchBook } from "./vouch-book.ts";

/** What {@link KnownPeople} needs of the chat around it. */
export interface KnownPeopleOptions {
  readonly me: DeviceAddress;
  readonly name: string;
  readonly signer: Signer;
  readonly serverId: Uint8Array;
  readonly store: ClientStore;
  readonly clock: Clock;
  readonly randomBytes: (length: number) => Uint8Array;
  readonly directory: AccountDirectory;
  readonly statements: StatementBook;
  readonly watch: Pick<LogWatch, "view" | "replica" | "witnessed">;
  /** Looks a person up by name. Throws ChatError. */
  readonly person: (name: string) => Promise<Contact>;
  /** The direct room with a person. Throws ChatError. */
  readonly openDirect: (name: string) => Promise<string>;
  /** Throws ChatError `no-such-room`. */
  readonly room: (room: string) => Room;
  /** The accounts in a room. */
  readonly members: (room: string) => Iterable<Uint8Array>;
  readonly onChange: () => void;
  readonly onFault: (error: unknown) => void;
  readonly unsafeTestingSasMessage?: ((message: Uint8Array) => Uint8Array) | undefined;
}

/** A comparison or vouch that a member sent. */
export interface HeardFromMember {
  readonly room: string;
  readonly direct: boolean;
  readonly sender: DeviceAddress;
  readonly atMs: number;
  readonly content: RoomContent & { readonly kind: "comparison" | "vouch" };
}

/** The people this client knows, and how sure it is of each. */
export class KnownPeople implements People {
  readonly #options: KnownPeopleOptions;
  readonly #vouches: VouchBook;
  readonly #comparisons: EmojiComparisons;

  constructor(options: KnownPeopleOptions) {
    this.#options = options;
    this.#vouches = new VouchBook(options.store);
    this.#comparisons = new EmojiComparisons({
      ...options,
      view: () => options.watch.view,
      send: (room, message) => options.room(room).send({ kind: "comparison", ...message }),
      tell: (text, room) => this.#tell(room, text),
      checked: (peer, road) => this.#check(peer, `sas-${road}`),
      unsafeTestingMessage: options.unsafeTestingSasMessage,
    });
  }

  /** Verifies the chains on disk, so that marks can be shown. */
  async open(): Promise<void> {
    await this.#states();
    this.#options.onChange();
  }

  close(): void {
    this.#comparisons.close();
  }

  async all(): Promise<readonly PersonTrust[]> {
    const knowledge = await this.#knowledge();
    const { directory, me } = this.#options;
    const others = directory.contacts().filter(({ account }) => !bytesEqual(account, me.account));
    const warnings = this.#lookAlikes(others.map(({ account }) => account));
    const people: PersonTrust[] = [];
    for (const contact of others) people.push(await this.#trustOf(contact, knowledge, warnings));
    return people.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async explain(name: string): Promise<PersonTrust> {
    const { account } = await this.#contact(name);
    const found = (await this.all()).find((one) => one.account === idText(account));
    if (!found) throw new ChatError("not-allowed", "that is you");
    return found;
  }

  remarks(room: string): ReadonlyMap<string, readonly string[]> {
    const { directory, statements } = this.#options;
    const members = [...this.#options.members(room)];
    const warnings = this.#lookAlikes(members);
    return new Map(
      members.flatMap((account) => {
        const state = directory.verifiedState(account);
        const remarks = [
          ...(state ? troubleOf(statements.ledger, state) : []),
          ...(warnings.get(idText(account)) ?? []),
        ];
        return remarks.length > 0 ? [[idText(account), remarks] as const] : [];
      }),
    );
  }

  /** "checked by you on …", or nothing; also nothing before the account's chain has been verified. */
  checked(account: Uint8Array): string {
    const state = this.#options.directory.verifiedState(account);
    return state ? checkedText(this.#options.statements.ledger, state) : "";
  }

  /** How the user has checked an account, newest check first; also undefined before its chain has been verified. */
  checkMethod(account: Uint8Array): CheckMethod | undefined {
    const state = this.#options.directory.verifiedState(account);
    return state && standingOf(this.#options.statements.ledger, state).check?.method;
  }

  async safetyNumber(name: string): Promise<string> {
    const { account } = await this.#other(name);
    return safetyNumber(this.#options.me.account, account);
  }

  async checkNumber(name: string, digits: string): Promise<boolean> {
    const { account } = await this.#other(name);
    try {
      if (!isSafetyNumber(digits, this.#options.me.account, account)) return false;
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      throw new ChatError("wrong-words", "a safety number has 60 digits: type all of them");
    }
    this.#check(await this.#state(account), "digits");
    return true;
  }

  roomCode(room: string): string {
    const group = this.#options.room(room).loadedGroup;
    if (!group?.active) throw new ChatError("not-allowed", "this device is not in that room now");
    return roomCode(group.epochAuthenticator);
  }

  async compare(name: string): Promise<void> {
    const { account } = await this.#other(name);
    const room = await this.#options.openDirect(name);
    await asked(() => this.#comparisons.begin(account, room));
  }

  async answer(name: string, isSame: boolean, road: ComparisonRoad): Promise<void> {
    const { account } = await this.#other(name);
    await this.#comparisons.answer(account, isSame, road);
  }

  async cancelComparison(name: string): Promise<void> {
    await this.#comparisons.cancel((await this.#other(name)).account);
  }

  comparison(name: string): Comparison | undefined {
    const contact = this.#known(name);
    return contact && this.#comparisons.with(contact.account);
  }

  async forget(name: string): Promise<void> {
    const { account } = await this.#other(name);
    const { statements, me } = this.#options;
    statements.append(statements.about(await this.#state(account), "forget-check"));
    if (this.#vouches.find(me.account, accountSubject(account))?.kind === "vouch")
      await this.#endVouch(account);
    this.#options.onChange();
  }

  async setIntroducer(name: string, counts: boolean): Promise<void> {
    const { account } = await this.#other(name);
    const { statements } = this.#options;
    const state = await this.#state(account);
    if (counts && !standingOf(statements.ledger, state).check) throw unchecked(name);
    statements.append(statements.about(state, counts ? "introducer" : "no-introducer"));
    this.#options.onChange();
  }

  async vouch(
    name: string,
    { room, lifetimeMs = VOUCH_MS }: { readonly room: string; readonly lifetimeMs?: number },
  ): Promise<void> {
    const { account } = await this.#other(name);
    const { statements, clock } = this.#options;
    const state = await this.#state(account);
    const { check } = standingOf(statements.ledger, state);
    if (!check) throw unchecked(name);
    const target = this.#options.room(room);
    const nowMs = clock.nowMs();
    const subject = accountSubject(account);
    const statement = await createVouch({
      issuer: this.#issuer(),
      subject,
      head: state.head,
      check,
      nowMs,
      expiresAtMs: nowMs + lifetimeMs,
    });
    this.#vouches.keep(decodeVouch(statement), nowMs);
    this.#vouches.told(subject, room);
    target.send({ kind: "vouch", statement });
  }

  async endVouch(name: string): Promise<void> {
    const { account } = await this.#other(name);
    if (this.#vouches.find(this.#options.me.account, accountSubject(account))?.kind !== "vouch") {
      throw new ChatError("not-allowed", `you have not vouched for ${name}`);
    }
    await this.#endVouch(account);
  }

  /**
   * Takes what a member sent. A vouch is on disk when this returns; a comparison goes on by itself. Throws ProtocolError
   * `malformed`.
   */
  heard({ room, direct, sender, atMs, content }: HeardFromMember): string | undefined {
    if (content.kind === "comparison") {
      const { comparison, message } = content;
      if (direct) this.#comparisons.heard({ room, sender, atMs, comparison, message });
      return undefined;
    }
    const { directory, clock } = this.#options;
    const [statement, outcome] = this.#vouches.receive(content.statement, sender.account, clock.nowMs());
    if (outcome !== "kept") return undefined;
    this.#options.onChange();
    const { subject } = statement.body;
    if (subject.kind !== "account") return undefined;
    const [issuer, whom] = [directory.nameOf(sender.account), directory.nameOf(subject.id)];
    return statement.kind === "vouch"
      ? `${issuer} has checked ${whom} and vouches for them`
      : `${issuer} no longer vouches for ${whom}`;
  }

  #issuer() {
    const { me, signer } = this.#options;
    return { account: me.account, device: me.device, signer };
  }

  async #endVouch(account: Uint8Array): Promise<void> {
    const subject = accountSubject(account);
    const nowMs = this.#options.clock.nowMs();
    const statement = await createVouchEnd(this.#issuer(), subject, nowMs);
    this.#vouches.keep(decodeVouch(statement), nowMs);
    for (const text of this.#vouches.toldRooms(subject)) {
      const room = this.#options.room(text);
      if (room.record.state === "active" || room.record.state === "repairing") {
        room.send({ kind: "vouch", statement });
      }
    }
  }

  #check(state: AccountState, method: CheckMethod): void {
    const { statements } = this.#options;
    statements.append(statements.about(state, method));
    this.#options.onChange();
  }

  #tell(room: string, text: string): void {
    inBackground(this.#options.room(room).tell(text), this.#options.onFault);
  }

  #known(name: string): Contact | undefined {
    const plain = name.replace(/^@/, "").toLowerCase();
    return this.#options.directory.contacts().find((contact) => contact.name === plain);
  }

  /** Somebody met is known without the relay. */
  async #contact(name: string): Promise<Contact> {
    return this.#known(name) ?? (await this.#options.person(name));
  }

  async #other(name: string): Promise<Contact> {
    const contact = await this.#contact(name);
    if (bytesEqual(contact.account, this.#options.me.account))
      throw new ChatError("not-allowed", "that is you");
    return contact;
  }

  #state(account: Uint8Array): Promise<AccountState> {
    return asked(() => this.#options.directory.state(account));
  }

  async #states(): Promise<ReadonlyMap<string, AccountState>> {
    const { directory } = this.#options;
    const states = new Map<string, AccountState>();
    for (const { account } of directory.contacts()) states.set(idText(account), await this.#state(account));
    return states;
  }

  async #knowledge(): Promise<Knowledge> {
    const { me, statements, clock, directory } = this.#options;
    return {
      ownAccount: me.account,
      ledger: statements.ledger,
      vouches: this.#vouches.all(),
      vouchBytes: this.#vouches.bytes(),
      accounts: await this.#states(),
      nameOf: (account) => directory.nameOf(account),
      nowMs: clock.nowMs(),
    };
  }

  #lookAlikes(accounts: readonly Uint8Array[]): ReadonlyMap<string, readonly string[]> {
    const { directory, me, name } = this.#options;
    const names = new Map(accounts.map((account) => [idText(account), directory.nameOf(account)]));
    return lookAlikes(names.set(idText(me.account), name), me.account);
  }

  async #trustOf(
    contact: Contact,
    knowledge: Knowledge,
    warnings: ReadonlyMap<string, readonly string[]>,
  ): Promise<PersonTrust> {
    const account = idText(contact.account);
    const state = knowledge.accounts.get(account) ?? (await this.#state(contact.account));
    const mark = await markOf(knowledge, state, await this.#logStanding(contact));
    return {
      account,
      name: this.#options.directory.nameOf(contact.account),
      ...mark,
      introducer: standingOf(knowledge.ledger, state).introducer,
      nameWarnings: warnings.get(account) ?? [],
    };
  }

  /** A chain that the log has more of than this device is in it all the same. */
  async #logStanding(contact: Contact): Promise<LogStanding> {
    const { watch, clock } = this.#options;
    const { head, records } = watch.replica;
    const finding = head ? await auditAccount(records, contact, clock.nowMs()) : { kind: "behind" };
    if (finding && finding.kind !== "ahead") return { kind: "missing" };
    if (watch.witnessed.standing.kind === "none") return { kind: "included" };
    const signatures = await watch.witnessed.signatures();
    const witnesses = signatures.filter(({ signedAtMs }) => signedAtMs !== undefined).length;
    const isBelieved = watch.witnessed.covers(contact.account) || watch.witnessed.knows(contact.account);
    return { kind: isBelieved ? "cosigned" : "waiting", witnesses, of: signatures.length };
  }
}

function unchecked(name: string): ChatError {
  return new ChatError("not-allowed", `check ${name} first: /verify @${name.replace(/^@/, "")}`);
}

/** What the relay's answer cannot be believed for becomes a ChatError. */
async function asked<T>(command: () => Promise<T>): Promise<T> {
  try {
    return await online(command);
  } catch (error) {
    if (error instanceof NotAuthorised) throw new ChatError("refused", error.message);
    throw error;
  }
}
