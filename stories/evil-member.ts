import { randomBytes } from "node:crypto";
import type { RelayConnection } from "@parley/client";
import type { CommitRequest, Group } from "@parley/client/mls";
import { createMlsEngine } from "@parley/client/mls";
import { readLeafCredential, signerFromSeed } from "@parley/trust";
import { systemClock } from "../packages/client/src/connection/clock.ts";
import { deviceLogin } from "../packages/client/src/connection/login.ts";
import { connectRelay } from "../packages/client/src/connection/relay-connection.ts";
import { createServerTrustCheck } from "../packages/client/src/connection/server-trust.ts";
import { relayUrl } from "../packages/client/src/connection/transport.ts";
import { nodeCrypto } from "../packages/client/src/mls/node.ts";
import { loadAccount, pinsOf } from "../packages/client/src/node/account-folder.ts";
import { openStore } from "../packages/client/src/node/open-chat.ts";
import { tlsTransport } from "../packages/client/src/node/tls-transport.ts";
import { encodePolicy, newRoomPolicy } from "../packages/client/src/rooms/policy.ts";
import type { RoomRecord } from "../packages/client/src/rooms/room-record.ts";
import { loadRoomRecord } from "../packages/client/src/rooms/room-record.ts";
import { sealRejoinState } from "../packages/client/src/rooms/sealed-state.ts";
import type { Person } from "./world.ts";

/** A member whose program keeps no rules: it commits whatever it likes, with its own keys, and the relay accepts it. */
export class EvilMember implements AsyncDisposable {
  readonly #connection: RelayConnection;
  readonly #group: Group;
  readonly #room: Uint8Array;
  readonly #roomKey: Uint8Array;

  private constructor(connection: RelayConnection, group: Group, record: Pick<RoomRecord, "room" | "key">) {
    this.#connection = connection;
    this.#group = group;
    this.#room = record.room;
    this.#roomKey = record.key;
  }

  /** The rules by which this member alone owns the room. */
  ownRules(): Uint8Array {
    const own = this.#group.members().find(({ leafIndex }) => leafIndex === this.#group.ownLeafIndex);
    if (!own) throw new Error("not a member");
    return encodePolicy(newRoomPolicy(readLeafCredential(own.identity).device.account, false));
  }

  /** Takes over the account of a person whose own program has been closed. */
  static async possess(person: Person, room: string): Promise<EvilMember> {
    const store = openStore(person.folder);
    const account = loadAccount(store);
    if (!account) throw new Error("no account");
    const signer = await signerFromSeed(account.deviceSeed);
    const connection = await connectRelay({
      transport: tlsTransport,
      url: relayUrl(account.host),
      trust: createServerTrustCheck({ clock: systemClock, pins: pinsOf(store) }),
      login: deviceLogin({ device: account.device, signer }),
      clock: systemClock,
      onDelivery: () => undefined,
    });
    const engine = createMlsEngine({
      crypto: nodeCrypto,
      authenticationService: { validateLeaf: async () => true },
      nowMs: () => Date.now(),
    });
    const records = store
      .range("group", { from: `${room}/`, below: `${room}/\u{7f}` })
      .map(([key, value]) => [key.slice(room.length + 1), value] as const);
    const group = await engine.restore(records);
    const record = loadRoomRecord(store, room);
    store.close();
    return new EvilMember(connection, group, record);
  }

  /**
   * Commits without asking anybody's rules, and tells the relay the roster that fits. `lure`: leaves a GroupInfo by which
   * members can come into the new epoch; else one that nobody can open. @returns the entry's seq.
   */
  async commit(
    request: CommitRequest,
    {
      spoil = (message: Uint8Array) => message,
      lure = false,
    }: { readonly spoil?: (message: Uint8Array) => Uint8Array; readonly lure?: boolean } = {},
  ): Promise<number> {
    const { result } = await this.#group.commit(request);
    const addressOf = ({ identity }: { identity: Uint8Array }) => readLeafCredential(identity).device;
    const answer = await this.#connection.request(
      {
        kind: "commit",
        room: this.#room,
        clientId: new Uint8Array(randomBytes(16)),
        epoch: Number(this.#group.epoch),
        replaces: 0,
        message: spoil(result.commit),
        added: [],
        removed: result.changes.removed.map(addressOf),
        ratchetTree: new Uint8Array(0),
        groupInfo: lure
          ? await sealRejoinState(this.#roomKey, this.#room, result)
          : new Uint8Array(randomBytes(400)),
      },
      "appended",
    );
    return answer.seq;
  }

  /** The leaves of everybody else. */
  others(): number[] {
    return this.#group
      .members()
      .map(({ leafIndex }) => leafIndex)
      .filter((leafIndex) => leafIndex !== this.#group.ownLeafIndex);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close();
    await this.#connection.ended;
  }
}
