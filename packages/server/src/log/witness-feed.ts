import type { NoteVerifier } from "@parley/trust/tlog";
import {
  attachCosignatures,
  cosignatureVerifier,
  formatAddCheckpointRequest,
  parseAddCheckpointResponse,
  parseCheckpoint,
  parseNote,
  proveConsistency,
} from "@parley/trust/tlog";
import type { Clock } from "../clock.ts";
import { every } from "../clock.ts";
import type { TransparencyLog } from "./transparency-log.ts";

/** A witness of the transparency log (C2SP tlog-witness). */
export interface WitnessAddress {
  /** Its cosignature key, type 0x04. */
  readonly vkey: string;
  /** Its submission prefix: `add-checkpoint` is below it. */
  readonly url: string;
}

const TIMEOUT_MS = 10_000;
/** How often a witness that did not answer is asked again, and how long new checkpoints wait for others to come. */
const RETRY_MS = 60_000;
const GATHER_MS = 200;
/** An idle log has its checkpoint cosigned anew, so that it stays fresh (trust.md §B). */
const FRESH_MS = 24 * 60 * 60 * 1000;
/** How often the witness may name another size than the one it was given. */
const MAX_CONFLICTS = 3;

/** Throws TlogError `malformed-key` or `unsupported-key` for a key that is none of a witness. */
export function requireWitnessKeys(witnesses: readonly WitnessAddress[]): void {
  for (const { vkey } of witnesses) cosignatureVerifier(vkey);
}

interface FeedOptions {
  readonly log: TransparencyLog;
  readonly witnesses: readonly WitnessAddress[];
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

/**
 * Shows each new checkpoint to the witnesses, and puts their cosignatures on it. A witness that is away or refuses holds
 * nothing up. @returns what stops it. Throws TlogError for a key that is none of a witness.
 */
export function feedWitnesses({ log, witnesses, clock, onFault }: FeedOptions): () => void {
  const feeds = witnesses.map((address) => new WitnessFeed(log, address, clock));
  if (feeds.length === 0) return () => {};
  const stopping = new AbortController();
  let cancelGather = () => {};
  const feed = () => {
    for (const one of feeds) void one.feed(stopping.signal).catch(onFault);
  };
  const gather = () => {
    cancelGather();
    cancelGather = clock.after(GATHER_MS, feed);
  };
  const unsubscribe = log.subscribe(gather);
  const stopRetrying = every(clock, RETRY_MS, feed);
  feed();
  return () => {
    stopping.abort();
    unsubscribe();
    stopRetrying();
    cancelGather();
  };
}

class WitnessFeed {
  readonly #log: TransparencyLog;
  readonly #url: URL;
  readonly #verifier: NoteVerifier;
  readonly #clock: Clock;
  /** The size the witness cosigned last, as far as is known here. */
  #size = 0;
  #cosignedAtMs = Number.NEGATIVE_INFINITY;
  #working = false;

  constructor(log: TransparencyLog, { vkey, url }: WitnessAddress, clock: Clock) {
    this.#log = log;
    this.#url = new URL("add-checkpoint", url.endsWith("/") ? url : `${url}/`);
    this.#verifier = cosignatureVerifier(vkey);
    this.#clock = clock;
  }

  async feed(signal: AbortSignal): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      for (let tries = 0; tries < MAX_CONFLICTS && this.#isDue() && !signal.aborted; tries++) {
        if ((await this.#submit(signal)) === "unreachable") return;
      }
    } finally {
      this.#working = false;
    }
  }

  #isDue(): boolean {
    const { size } = this.#log;
    return size > this.#size || this.#clock.nowMs() - this.#cosignedAtMs > FRESH_MS;
  }

  async #submit(signal: AbortSignal): Promise<"answered" | "unreachable"> {
    const { checkpoint } = this.#log;
    const view = parseCheckpoint(parseNote(checkpoint).text);
    const proof = await proveConsistency(this.#size, view.size, this.#log);
    const body = formatAddCheckpointRequest({ oldSize: this.#size, proof, checkpoint });
    const answer = await this.#post(body, signal);
    if (answer?.kind === "conflict" && answer.size <= view.size) {
      this.#size = answer.size;
      return "answered";
    }
    if (answer?.kind !== "cosigned") return "unreachable";
    const { signatures } = answer;
    await this.#log.cosign(view, (note) =>
      attachCosignatures({ checkpoint: note, signatures, witnesses: [this.#verifier] }),
    );
    this.#size = view.size;
    this.#cosignedAtMs = this.#clock.nowMs();
    return "answered";
  }

  /** Undefined: not reached. What a witness answers is its own affair, and no fault of this relay. */
  async #post(body: Uint8Array, signal: AbortSignal) {
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        body: new Uint8Array(body),
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      return parseAddCheckpointResponse({
        status: response.status,
        contentType: response.headers.get("content-type") ?? "",
        body: await response.bytes(),
      });
    } catch {
      return undefined;
    }
  }
}
