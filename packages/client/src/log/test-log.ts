import type { Answer, Request } from "@parley/protocol";
import { ProtocolError } from "@parley/protocol";
import type { NewAccount } from "@parley/trust";
import { createAccount, createServerIdentity, updateServerMeta } from "@parley/trust";
import type { NoteSigner } from "@parley/trust/tlog";
import {
  generateKey,
  hashLeaf,
  MerkleTree,
  noteSigner,
  SIGNATURE_TYPE_ED25519,
  signCheckpoint,
} from "@parley/trust/tlog";
import type { RelayConnection } from "../connection/connection.ts";
import type { LogEntry } from "./log-records.ts";

/** The log of a relay that does what a test asks of it: its entries and what it signs are two things. */
export class TestLog {
  readonly vkey: string;
  readonly serverChain: readonly Uint8Array[];
  readonly #signer: NoteSigner;
  /** What is served. */
  entries: LogEntry[];
  /** Number of requests answered. */
  asked = 0;

  private constructor(vkey: string, signer: NoteSigner, serverChain: readonly Uint8Array[]) {
    this.vkey = vkey;
    this.#signer = signer;
    this.serverChain = serverChain;
    this.entries = serverChain.map((entry) => ({ entry }));
  }

  static async make(): Promise<TestLog> {
    const { vkey, skey } = await generateKey({
      name: "chat.example.org/parley",
      type: SIGNATURE_TYPE_ED25519,
    });
    const meta = { hostNames: ["chat.example.org"], nowMs: 1_000 };
    const keys = await createServerIdentity(meta);
    const chain = await updateServerMeta({ ...keys, meta: { ...meta, logKey: vkey }, nowMs: 1_000 });
    return new TestLog(vkey, await noteSigner(skey.reveal()), chain);
  }

  /** Appends an account; `hidden`: without the opening of its name. */
  async register(name: string, { hidden = false } = {}): Promise<NewAccount> {
    const account = await createAccount({ name, nowMs: 1_000 });
    const { chain, nameOpening } = account;
    const [genesis, ...rest] = chain.map((entry): LogEntry => ({ entry }));
    const opened = hidden ? genesis : { ...genesis, opening: { name, opening: nameOpening } };
    this.entries.push(opened as LogEntry, ...rest);
    return account;
  }

  /** The tree of the entries as they are. */
  tree(): MerkleTree {
    const tree = new MerkleTree();
    for (const { entry } of this.entries) tree.append(hashLeaf(entry));
    return tree;
  }

  /** A checkpoint of the entries as they are, or of what the test says they are. */
  checkpoint({ size = this.entries.length, root = this.tree().rootAt(size) } = {}): Promise<Uint8Array> {
    return signCheckpoint({ origin: this.#signer.name, size, root }, [this.#signer]);
  }

  /** A connection whose hello has this checkpoint, and which serves the entries as they are; it takes no repairs. */
  async connection(checkpoint?: Uint8Array, generation = 1): Promise<RelayConnection> {
    const shown = checkpoint ?? (await this.checkpoint());
    const hello = { serverChain: this.serverChain, checkpoint: shown, generation };
    const request = async (asked: Request): Promise<Answer> => {
      if (asked.kind === "repair-log") throw new ProtocolError("chain-invalid");
      if (asked.kind !== "log-entries") throw new Error(`asked for ${asked.kind}`);
      this.asked += 1;
      const { from, max } = asked;
      const entries = this.entries.slice(from, from + max).map(({ entry, opening }) => ({ entry, opening }));
      return { kind: "log-entries", from, checkpoint: await this.checkpoint(), entries };
    };
    return { hello, request } as unknown as RelayConnection;
  }
}
