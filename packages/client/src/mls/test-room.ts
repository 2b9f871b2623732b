import type {
  AuthenticationService,
  AuthorizeCommit,
  CommitDraft,
  CommitRequest,
  GeneratedKeyPackage,
  Group,
  Incoming,
  MlsEngine,
  Step,
  Suite,
} from "./engine-types.ts";
import { createMlsEngine } from "./index.ts";
import { nodeCrypto } from "./node.ts";
import { applyChanges } from "./records.ts";

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Trusts every name; tests that mean the opposite bring their own. */
export const trusting: AuthenticationService = { validateLeaf: async () => true };
export const allowing: AuthorizeCommit = () => undefined;

const POLICY = utf8("everyone may do everything");

/** A device of a test: its store is a map, and it is what its store says. */
export class Device {
  readonly name: string;
  readonly suite: Suite;
  readonly engine: MlsEngine;
  records = new Map<string, Uint8Array>();
  #group: Group | undefined;

  constructor(name: string, suite: Suite, authenticationService: AuthenticationService = trusting) {
    this.name = name;
    this.suite = suite;
    this.engine = createMlsEngine({ crypto: nodeCrypto, authenticationService, nowMs: () => Date.now() });
  }

  get group(): Group {
    if (this.#group === undefined) throw new Error(`${this.name} is in no group`);
    return this.#group;
  }

  readonly identityFor = (): Uint8Array => utf8(this.name);

  /** Stores, then settles, as every client must. */
  take<Result>(step: Step<Result, Group>): Result {
    applyChanges(this.records, step.changes);
    this.#group = step.settle();
    return step.result;
  }

  async reload(): Promise<void> {
    const stored = new Map([...this.records].map(([key, bytes]) => [key, bytes.slice()] as const));
    this.#group = await this.engine.restore(stored);
  }

  keyPackage(): Promise<GeneratedKeyPackage> {
    return this.engine.generateKeyPackage({ suite: this.suite, identityFor: this.identityFor });
  }

  async create(groupId = "room", policy: Uint8Array | undefined = POLICY): Promise<this> {
    const request = { groupId: utf8(groupId), suite: this.suite, identityFor: this.identityFor };
    this.take(await this.engine.create(policy === undefined ? request : { ...request, policy }));
    return this;
  }

  async join(draft: Pick<CommitDraft, "welcome" | "ratchetTree">, own: GeneratedKeyPackage): Promise<this> {
    if (draft.welcome === undefined) throw new Error("nobody was added");
    const { welcome, ratchetTree } = draft;
    const { keyPackage, secret } = own;
    this.take(await this.engine.join({ welcome, ratchetTree, keyPackage, secret }));
    return this;
  }

  /** Drafts a commit and puts it into force at once, as if the relay had accepted it. */
  async commit(request: CommitRequest = {}): Promise<CommitDraft> {
    const draft = this.take(await this.group.commit(request));
    this.take(await this.group.merge(draft.pending));
    return draft;
  }

  async say(words: string): Promise<Uint8Array> {
    return this.take(await this.group.encrypt(utf8(words))).message;
  }

  async hear(message: Uint8Array, authorize: AuthorizeCommit = allowing): Promise<Incoming> {
    return this.take(await this.group.process(message, authorize));
  }

  async read(message: Uint8Array): Promise<string> {
    const heard = await this.hear(message);
    if (heard.kind !== "application") throw new Error(`a ${heard.kind} came instead of a message`);
    return text(heard.plaintext);
  }
}

export async function everyoneHears(devices: readonly Device[], message: Uint8Array): Promise<void> {
  for (const device of devices) await device.hear(message);
}

/** A room whose first device added the others in one commit. */
export async function roomOf(names: readonly string[], suite: Suite = 1): Promise<Device[]> {
  const devices = names.map((name) => new Device(name, suite));
  const [founder, ...others] = devices;
  if (founder === undefined) throw new Error("a room needs someone");
  await founder.create();
  if (others.length === 0) return devices;
  const packages = await Promise.all(others.map((device) => device.keyPackage()));
  const draft = await founder.commit({ add: packages.map(({ keyPackage }) => keyPackage) });
  for (const [index, device] of others.entries()) await device.join(draft, packages[index]!);
  return devices;
}
