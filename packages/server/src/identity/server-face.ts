import type { Clock } from "../clock.ts";
import { every } from "../clock.ts";
import type { LogKey } from "../log/log-key.ts";
import type { RelayLog } from "../log.ts";
import type { TlsMode } from "../options.ts";
import type { TlsIdentity } from "../tls/certificate.ts";
import type { TlsKeys } from "../tls/tls-keys.ts";
import { isSameTlsKeys, readTlsKeys } from "../tls/tls-keys.ts";
import { Greeting } from "./greeting.ts";
import type { NewIdentity, RelayIdentity } from "./server-keys.ts";
import { openRelayIdentity } from "./server-keys.ts";

const WATCH_MS = 30_000;

/** How to open a {@link ServerFace}. */
export interface ServerFaceOptions {
  readonly folder: string;
  readonly hostNames: readonly string[];
  readonly tls: TlsMode;
  /** The store's restore generation. */
  readonly generation: number;
  readonly clock: Clock;
  readonly log: RelayLog;
  readonly onNewIdentity: (identity: NewIdentity) => void | Promise<void>;
}

/** By what a client knows the relay: its identity, the TLS keys on the wire, and the statement that binds the two. */
export class ServerFace {
  readonly identity: RelayIdentity;
  readonly logKey: LogKey;
  readonly #options: ServerFaceOptions;
  readonly #greeting: Greeting;
  #keys: TlsKeys;

  private constructor(options: ServerFaceOptions, { identity, logKey }: Keys, keys: TlsKeys) {
    this.#options = options;
    this.identity = identity;
    this.logKey = logKey;
    this.#greeting = new Greeting({ ...options, identity });
    this.#keys = keys;
  }

  /** Reads identity and TLS keys from the data folder; makes those that are not there. */
  static async open(options: ServerFaceOptions): Promise<ServerFace> {
    const onNewIdentity = async (created: NewIdentity) => {
      await options.onNewIdentity(created);
      options.log.info("identity-created");
    };
    const nowMs = options.clock.nowMs();
    const own = await openRelayIdentity({ ...options, nowMs, onNewIdentity });
    const face = new ServerFace(options, own, await readKeys(options));
    await face.#greeting.state(face.#keys.spkiHashes);
    return face;
  }

  /** What the relay presents; absent when TLS ends elsewhere. */
  get tls(): TlsIdentity | undefined {
    return this.#keys.own;
  }

  /** @returns the bytes of a hello frame with a nonce of its own. `checkpoint`: the log's newest. */
  hello(checkpoint: Uint8Array): Uint8Array {
    return this.#greeting.hello(checkpoint);
  }

  /** Reads certificates and proxies' keys anew now and then, and signs statements before they end. @returns what stops it. */
  watch(onCertificate: (tls: TlsIdentity) => void, onFault: (error: unknown) => void): () => void {
    return every(this.#options.clock, WATCH_MS, () => void this.#refresh(onCertificate).catch(onFault));
  }

  async #refresh(onCertificate: (tls: TlsIdentity) => void): Promise<void> {
    const present = await readKeys(this.#options);
    if (isSameTlsKeys(this.#keys, present)) {
      await this.#greeting.renewIfDue();
      return;
    }
    this.#keys = present;
    await this.#greeting.state(present.spkiHashes);
    if (present.own) onCertificate(present.own);
    this.#options.log.info("tls-keys-changed", { keyCount: present.spkiHashes.length });
  }
}

interface Keys {
  readonly identity: RelayIdentity;
  readonly logKey: LogKey;
}

function readKeys({ folder, tls, hostNames, clock, log }: ServerFaceOptions): Promise<TlsKeys> {
  return readTlsKeys({ folder, mode: tls, hostNames, nowMs: clock.nowMs(), log });
}
