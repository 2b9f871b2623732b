import { encode, serverFrame } from "@parley/protocol";
import { signStatement } from "@parley/trust";
import type { Clock } from "../clock.ts";
import type { RelayIdentity } from "./server-keys.ts";

/** How long a statement holds; it is signed anew when half of that is over. */
const STATEMENT_LIFETIME_MS = 7 * 24 * 60 * 60 * 1000;

/** What the relay says first on each connection (docs/protocol.md §3.1). */
export class Greeting {
  readonly #identity: RelayIdentity;
  readonly #hostNames: readonly string[];
  readonly #generation: number;
  readonly #clock: Clock;
  #tlsSpkiHashes: readonly Uint8Array[] = [];
  #statement: Uint8Array = new Uint8Array();
  #renewAtMs = 0;

  constructor(options: {
    readonly identity: RelayIdentity;
    readonly hostNames: readonly string[];
    readonly generation: number;
    readonly clock: Clock;
  }) {
    this.#identity = options.identity;
    this.#hostNames = options.hostNames;
    this.#generation = options.generation;
    this.#clock = options.clock;
  }

  /** Signs a statement that names these TLS keys. */
  async state(tlsSpkiHashes: readonly Uint8Array[]): Promise<void> {
    const nowMs = this.#clock.nowMs();
    this.#tlsSpkiHashes = tlsSpkiHashes;
    const statement = {
      serverId: this.#identity.server.serverId,
      hostNames: this.#hostNames,
      tlsSpkiHashes,
      notBeforeMs: nowMs,
      notAfterMs: nowMs + STATEMENT_LIFETIME_MS,
      generation: this.#generation,
    };
    this.#statement = await signStatement(statement, this.#identity.signer);
    this.#renewAtMs = nowMs + STATEMENT_LIFETIME_MS / 2;
  }

  /** Signs anew when it is time. */
  async renewIfDue(): Promise<void> {
    if (this.#clock.nowMs() >= this.#renewAtMs) await this.state(this.#tlsSpkiHashes);
  }

  /** @returns the bytes of a hello frame with a nonce of its own. `checkpoint`: the log's newest. */
  hello(checkpoint: Uint8Array): Uint8Array {
    return encode(serverFrame, {
      kind: "hello",
      statement: this.#statement,
      serverChain: this.#identity.chain,
      checkpoint,
      generation: this.#generation,
      nonce: crypto.getRandomValues(new Uint8Array(32)),
    });
  }
}
