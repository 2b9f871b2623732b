import type { TrustFile } from "@parley/trust";
import { signTrustFile } from "@parley/trust";
import type { Cosigner, NoteSigner } from "@parley/trust/tlog";
import {
  cosigner,
  formatNote,
  generateKey,
  noteSigner,
  parseNote,
  SIGNATURE_TYPE_COSIGNATURE,
  SIGNATURE_TYPE_ED25519,
} from "@parley/trust/tlog";

/** A witness that signs whatever a test gives it, at any time. */
export class TestWitness {
  readonly vkey: string;
  readonly #cosigner: Cosigner;

  private constructor(vkey: string, key: Cosigner) {
    this.vkey = vkey;
    this.#cosigner = key;
  }

  static async make(name: string): Promise<TestWitness> {
    const { vkey, skey } = await generateKey({ name, type: SIGNATURE_TYPE_COSIGNATURE });
    return new TestWitness(vkey, await cosigner(skey.reveal()));
  }

  /** The checkpoint with this witness's signature beside those that it has. */
  async sign(checkpoint: Uint8Array, atMs: number): Promise<Uint8Array> {
    const { text, signatures } = parseNote(checkpoint);
    const own = await this.#cosigner.cosign(text, Math.floor(atMs / 1000));
    return formatNote({ text, signatures: [...signatures, own] });
  }
}

/** Somebody who hands out trust files. */
export async function makeAdmin(): Promise<{ readonly vkey: string; readonly signer: NoteSigner }> {
  const { vkey, skey } = await generateKey({ name: "admin.example", type: SIGNATURE_TYPE_ED25519 });
  return { vkey, signer: await noteSigner(skey.reveal()) };
}

/** A trust file, issued at `nowMs` and good for a year. */
export async function makeTrustFile(
  nowMs: number,
  over: Partial<TrustFile>,
  admin?: { readonly signer: NoteSigner },
): Promise<Uint8Array> {
  const { signer } = admin ?? (await makeAdmin());
  const file: TrustFile = {
    title: "Friends",
    issuedAtMs: nowMs,
    expiresAtMs: nowMs + 365 * 24 * 60 * 60 * 1000,
    servers: [],
    logs: [],
    witnesses: [],
    certifiers: [],
    introducers: [],
    ...over,
  };
  return signTrustFile(file, [signer]);
}
