import { idText } from "@parley/protocol";
import type { Clock } from "../connection/clock.ts";
import type { RelayConnection } from "../connection/connection.ts";
import type { IdentityFor, MlsEngine } from "../mls/index.ts";
import { MlsError, peekWelcome } from "../mls/index.ts";
import type { ClientStore, StoreChange } from "../store/client-store.ts";
import { decodeRecord, encodeRecord } from "../store/record.ts";

/** X-Wing, AES-256-GCM, SHA-512, Ed25519 (mls.md). */
export const POST_QUANTUM_SUITE = 83;

const FULL_STOCK = 40;
const LOW_STOCK = 15;
const LAST_RESORT_LIFETIME_MS = 30 * 24 * 60 * 60 * 1000;

/** The private half of a key package, and the public one that the engine wants beside it. SECRET. */
interface StoredKeyPackage {
  readonly keyPackage: Uint8Array;
  readonly secret: Uint8Array;
  readonly lastResort: boolean;
  readonly madeAtMs: number;
}

/** The key packages by which others can add this device: kept in stock at the relay, their secrets here. */
export class KeyPackageSupply {
  readonly #store: ClientStore;
  readonly #engine: MlsEngine;
  readonly #identityFor: IdentityFor;
  readonly #clock: Clock;

  constructor(options: {
    readonly store: ClientStore;
    readonly engine: MlsEngine;
    readonly identityFor: IdentityFor;
    readonly clock: Clock;
  }) {
    this.#store = options.store;
    this.#engine = options.engine;
    this.#identityFor = options.identityFor;
    this.#clock = options.clock;
  }

  /** Fills the relay's stock up when it is low, and renews the last-resort package. Secrets are on disk before that. */
  async topUp(connection: RelayConnection, stock: number): Promise<void> {
    const wanted = stock < LOW_STOCK ? FULL_STOCK - stock : 0;
    const renew = this.#lastResortAgeMs() > LAST_RESORT_LIFETIME_MS;
    if (wanted === 0 && !renew) return;
    const changes: StoreChange[] = [];
    const packages: Uint8Array[] = [];
    for (let i = 0; i < wanted; i++) packages.push(await this.#make(false, changes));
    const lastResort = renew ? await this.#make(true, changes) : undefined;
    this.#store.write(changes);
    await connection.request({ kind: "put-key-packages", packages, lastResort }, "stock");
  }

  /** The key package that a Welcome was made for, if it is one of ours. */
  find(
    welcome: Uint8Array,
  ):
    | { readonly keyPackage: Uint8Array; readonly secret: Uint8Array; readonly used: StoreChange[] }
    | undefined {
    for (const ref of refsIn(welcome)) {
      const value = this.#store.get("key-package", idText(ref));
      if (!value) continue;
      const stored = decodeRecord<StoredKeyPackage>(value);
      const used: StoreChange[] = stored.lastResort
        ? []
        : [{ kind: "delete", collection: "key-package", key: idText(ref) }];
      return { keyPackage: stored.keyPackage, secret: stored.secret, used };
    }
    return undefined;
  }

  async #make(lastResort: boolean, changes: StoreChange[]): Promise<Uint8Array> {
    const made = await this.#engine.generateKeyPackage({
      suite: POST_QUANTUM_SUITE,
      identityFor: this.#identityFor,
      lastResort,
    });
    const { keyPackage, secret } = made;
    const stored: StoredKeyPackage = { keyPackage, secret, lastResort, madeAtMs: this.#clock.nowMs() };
    changes.push({
      kind: "put",
      collection: "key-package",
      key: idText(made.ref),
      value: encodeRecord(stored),
    });
    return keyPackage;
  }

  #lastResortAgeMs(): number {
    const made = this.#store
      .range("key-package")
      .map(([, value]) => decodeRecord<StoredKeyPackage>(value))
      .filter(({ lastResort }) => lastResort)
      .map(({ madeAtMs }) => madeAtMs);
    return made.length === 0 ? Number.POSITIVE_INFINITY : this.#clock.nowMs() - Math.max(...made);
  }
}

/** None in what is no Welcome. */
function refsIn(welcome: Uint8Array): readonly Uint8Array[] {
  try {
    return peekWelcome(welcome).keyPackageRefs;
  } catch (error) {
    if (error instanceof MlsError) return [];
    throw error;
  }
}
