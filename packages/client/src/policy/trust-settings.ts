import type { PresetName, TrustFile, TrustPolicy } from "@parley/trust";
import { PRESETS, parseTrustFile, TrustError, verifyTrustFile } from "@parley/trust";
import { parseNote, TlogError } from "@parley/trust/tlog";
import type { Clock } from "../connection/clock.ts";
import type { ClientStore } from "../store/client-store.ts";
import { decodeRecord, encodeRecord } from "../store/record.ts";
import type { WitnessPolicy } from "./witness-policy.ts";
import { requireStrongQuorum, witnessPolicyOf } from "./witness-policy.ts";

const KEY = "trust-settings";

interface StoredSettings {
  readonly preset: PresetName;
  readonly files: readonly StoredTrustFile[];
}

interface StoredTrustFile {
  readonly note: Uint8Array;
  /** The vkeys of which one must have signed it, and any that comes after it; empty: the user's own word stands for it. */
  readonly requireSignature: readonly string[];
}

/**
 * What the user has said of whom to believe: a preset, and signed trust files (trust.md §A1, "Files"; Policy). Nothing in
 * here ever comes from a server.
 */
export class TrustSettings {
  readonly #store: ClientStore;
  readonly #clock: Clock;
  #stored: StoredSettings;
  #files: readonly TrustFile[];
  #witnesses: WitnessPolicy | undefined;

  constructor({ store, clock }: { readonly store: ClientStore; readonly clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
    const value = store.get("value", KEY);
    this.#stored = value ? decodeRecord<StoredSettings>(value) : { preset: "friends", files: [] };
    this.#files = this.#stored.files.map(({ note }) => readTrustFile(note));
    this.#witnesses = witnessPolicyOf(this.#files);
  }

  get preset(): PresetName {
    return this.#stored.preset;
  }

  get policy(): TrustPolicy {
    return PRESETS[this.preset];
  }

  /** All that were taken in, the oldest first. */
  get files(): readonly TrustFile[] {
    return this.#files;
  }

  /** Those that are not over: only these speak for a server. */
  get currentFiles(): readonly TrustFile[] {
    const nowMs = this.#clock.nowMs();
    return this.#files.filter(({ expiresAtMs }) => nowMs < expiresAtMs);
  }

  /**
   * Whose cosignatures the log needs; undefined: nobody's. The same object until the files change. A file that is over
   * counts here: that it ran out must not open anything.
   */
  get witnesses(): WitnessPolicy | undefined {
    return this.#witnesses;
  }

  setPreset(preset: PresetName): void {
    this.#keep({ ...this.#stored, preset });
  }

  /**
   * Takes a trust file in, in place of an older one of the same title. One that was taken with `requireSignature` gives
   * way only to one that the same keys signed.
   *
   * Throws TrustError `trust-file-malformed`, `trust-file-signature`, `trust-file-stale`, and ChatError `not-allowed` for a
   * quorum that two halves of the witnesses can meet.
   */
  async addFile(note: Uint8Array, requireSignature: readonly string[] = []): Promise<TrustFile> {
    const nowMs = this.#clock.nowMs();
    const { title } = readTrustFile(note);
    const { files } = this.#stored;
    const place = this.#files.findIndex((kept) => kept.title === title);
    const pinned = files[place]?.requireSignature ?? [];
    const lastIssuedAtMs = this.#files[place]?.issuedAtMs ?? 0;
    for (const required of [pinned, requireSignature].filter(({ length }) => length > 0))
      await verifyTrustFile(note, { nowMs, requireSignature: required });
    const { file } = await verifyTrustFile(note, { nowMs, lastIssuedAtMs });
    requireStrongQuorum(file);
    const taken: StoredTrustFile = {
      note: note.slice(),
      requireSignature: requireSignature.length > 0 ? requireSignature : pinned,
    };
    this.#keep({ ...this.#stored, files: place < 0 ? [...files, taken] : files.with(place, taken) });
    return file;
  }

  #keep(stored: StoredSettings): void {
    this.#store.write([{ kind: "put", collection: "value", key: KEY, value: encodeRecord(stored) }]);
    const sameFiles = stored.files === this.#stored.files;
    this.#stored = stored;
    if (sameFiles) return;
    this.#files = stored.files.map(({ note }) => readTrustFile(note));
    this.#witnesses = witnessPolicyOf(this.#files);
  }
}

/** What a note says, its signatures not looked at. */
function readTrustFile(note: Uint8Array): TrustFile {
  try {
    return parseTrustFile(parseNote(note).text);
  } catch (cause) {
    if (cause instanceof TlogError) throw new TrustError("trust-file-malformed", cause.code);
    throw cause;
  }
}
