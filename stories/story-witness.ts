import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { TrustFile } from "@parley/trust";
import { signTrustFile } from "@parley/trust";
import type { Cosigner, NoteVerifier, WitnessState, WitnessStore } from "@parley/trust/tlog";
import {
  cosigner,
  generateKey,
  isSameWitnessState,
  noteSigner,
  noteVerifier,
  processAddCheckpoint,
  SIGNATURE_TYPE_COSIGNATURE,
  SIGNATURE_TYPE_ED25519,
} from "@parley/trust/tlog";
import { expect } from "vitest";
import type { Person } from "./world.ts";

const YEAR_MS = 365 * 24 * 60 * 60 * 1000;

/** A witness with one key and one memory; or, as a liar, with one memory for each of its faces. */
export class StoryWitness implements AsyncDisposable {
  readonly vkey: string;
  /** What is added to the time that it signs. */
  skewMs = 0;
  /** Faces that do not answer. */
  readonly away = new Set<string>();
  /** The face of each cosignature given. */
  readonly given: string[] = [];
  readonly #cosigner: Cosigner;
  readonly #isLiar: boolean;
  readonly #server: Server;
  readonly #logs = new Map<string, readonly NoteVerifier[]>();
  readonly #memories = new Map<string, WitnessStore>();

  private constructor(given: {
    readonly vkey: string;
    readonly cosigner: Cosigner;
    readonly isLiar: boolean;
  }) {
    this.vkey = given.vkey;
    this.#cosigner = given.cosigner;
    this.#isLiar = given.isLiar;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(name: string, { isLiar = false } = {}): Promise<StoryWitness> {
    const { vkey, skey } = await generateKey({ name, type: SIGNATURE_TYPE_COSIGNATURE });
    const witness = new StoryWitness({ vkey, cosigner: await cosigner(skey.reveal()), isLiar });
    witness.#server.listen({ host: "127.0.0.1", port: 0 });
    await once(witness.#server, "listening");
    return witness;
  }

  /** Where a relay submits: each to a face of its own, if wanted. A liar's faces know nothing of each other. */
  address(face = "only") {
    const bound = this.#server.address();
    const port = typeof bound === "object" && bound ? bound.port : 0;
    return { vkey: this.vkey, url: `http://127.0.0.1:${port}/${face}/` };
  }

  know(logKey: string): void {
    const verifier = noteVerifier(logKey);
    this.#logs.set(verifier.name, [verifier]);
  }

  /** Waits until a face has signed something. */
  async gave(face: string): Promise<void> {
    await expect.poll(() => this.given, { timeout: 10_000 }).toContain(face);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const [, face = ""] = (request.url ?? "").split("/");
    if (this.away.has(face)) {
      response.writeHead(503).end();
      return;
    }
    const witness = {
      logs: this.#logs,
      cosigners: [this.#cosigner],
      store: this.#memoryOf(this.#isLiar ? face : ""),
    };
    const nowSeconds = Math.floor((Date.now() + this.skewMs) / 1000);
    const { status, contentType, body } = await processAddCheckpoint(
      witness,
      Buffer.concat(parts),
      nowSeconds,
    );
    if (status === 200) this.given.push(face);
    response.writeHead(status, { "content-type": contentType }).end(body);
  }

  #memoryOf(face: string): WitnessStore {
    let memory = this.#memories.get(face);
    if (!memory) this.#memories.set(face, (memory = memoryStore()));
    return memory;
  }
}

function memoryStore(): WitnessStore {
  const states = new Map<string, WitnessState>();
  return {
    load: async (origin) => states.get(origin),
    async compareAndSwap(origin, expected, next) {
      if (!isSameWitnessState(states.get(origin), expected)) return false;
      states.set(origin, next);
      return true;
    },
  };
}

/** A trust file that names these witnesses, signed by somebody. */
export async function trustFile(
  witnesses: readonly StoryWitness[],
  over: Partial<TrustFile> = {},
): Promise<Uint8Array> {
  const { skey } = await generateKey({ name: "friends.example", type: SIGNATURE_TYPE_ED25519 });
  const file: TrustFile = {
    title: "Friends",
    issuedAtMs: Date.now(),
    expiresAtMs: Date.now() + YEAR_MS,
    servers: [],
    logs: [],
    witnesses: witnesses.map(({ vkey }) => ({ vkey })),
    certifiers: [],
    introducers: [],
    ...over,
  };
  return signTrustFile(file, [await noteSigner(skey.reveal())]);
}

/** Waits until the quorum of a person's witnesses has signed all of the log that the relay shows to them. */
export async function signed(person: Person): Promise<void> {
  const missing = async () => {
    const { size } = await person.chat.log().sync();
    const status = await person.chat.policy().status();
    return size - (status.signed?.size ?? 0);
  };
  await expect.poll(missing, { timeout: 10_000 }).toBe(0);
}
