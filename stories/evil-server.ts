import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bytesEqual } from "@parley/protocol";
import type { Relay, RelayOptions } from "@parley/server";
import { startRelay } from "@parley/server";
import { createAccount } from "@parley/trust";
import { createInProcessBus } from "../packages/server/src/bus/in-process.ts";
import { openLogKey } from "../packages/server/src/log/log-key.ts";
import type { LoggedEntry } from "../packages/server/src/log/logged-entry.ts";
import { loggedChain } from "../packages/server/src/log/logged-entry.ts";
import { TransparencyLog } from "../packages/server/src/log/transparency-log.ts";
import { openSqliteStore } from "../packages/server/src/store/sqlite/store.ts";
import type { Person, World } from "./world.ts";
import { connected, disconnected } from "./world.ts";

/**
 * A server that shows two worlds: two relays with one identity, one log key, one store and one bus, so that people on
 * either side meet in the same rooms; but each side has a log of its own.
 */
export class ForkedServer implements AsyncDisposable {
  readonly folder: string;
  sides: readonly [Relay, Relay];
  readonly logKey: string;
  readonly #start: (side: 0 | 1, port: number) => Promise<Relay>;
  readonly #stop: () => Promise<void>;

  private constructor(options: {
    readonly folder: string;
    readonly sides: readonly [Relay, Relay];
    readonly logKey: string;
    readonly start: (side: 0 | 1, port: number) => Promise<Relay>;
    readonly stop: () => Promise<void>;
  }) {
    this.folder = options.folder;
    this.sides = options.sides;
    this.logKey = options.logKey;
    this.#start = options.start;
    this.#stop = options.stop;
  }

  /**
   * `secondOnly`: what the second side's log holds and the first side's does not. `witnesses`: whom each side asks.
   */
  static async start(
    secondOnly: readonly LoggedEntry[],
    witnesses: readonly [RelayOptions["witnesses"], RelayOptions["witnesses"]] = [[], []],
  ): Promise<ForkedServer> {
    const folder = mkdtempSync(join(tmpdir(), "parley-evil-"));
    const [first, second] = [join(folder, "relay"), join(folder, "other")];
    const own = { onNewIdentity: () => undefined, log: { level: "silent" } } as const;
    await (await startRelay({ dataFolder: first, ...own })).close();
    cpSync(first, second, { recursive: true });
    await appendToLog(second, secondOnly);
    const store = openSqliteStore({ path: join(folder, "store.db") });
    const bus = createInProcessBus();
    const start = (side: 0 | 1, port: number) =>
      startRelay({
        dataFolder: side === 0 ? first : second,
        port,
        ...own,
        witnesses: witnesses[side] ?? [],
        openStore: () => unclosable(store),
        bus: unclosable(bus),
      });
    const stop = async () => {
      await store.close();
      await bus.close();
    };
    const sides = [await start(0, 0), await start(1, 0)] as const;
    return new ForkedServer({ folder, sides, logKey: sides[0].logKey, start, stop });
  }

  /**
   * Ana comes to the first side and bo to the second, with which `world` goes on. `between`: what happens when ana is there
   * and bo is not.
   */
  async anaAndBo(
    world: World,
    between: () => Promise<void> = () => Promise.resolve(),
  ): Promise<{ readonly ana: Person; readonly bo: Person }> {
    await world.relay.close();
    world.relay = this.sides[0];
    const ana = await world.person("ana");
    await between();
    world.relay = this.sides[1];
    const bo = await world.person("bo");
    await this.logEverybody([ana, bo]);
    world.relay = this.sides[1];
    await connected(ana);
    await connected(bo);
    return { ana, bo };
  }

  /** Brings everybody who registered on one side into the other side's log too, so that they can find each other. */
  async logEverybody(people: readonly Person[]): Promise<void> {
    const [first, second] = this.sides.map(({ address }) => address.port);
    for (const side of this.sides) await side.close();
    for (const person of people) await disconnected(person);
    this.sides = [await this.#start(0, first ?? 0), await this.#start(1, second ?? 0)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const side of this.sides) await side.close();
    await this.#stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Writes into the log of a relay that does not run, with the log's own key: whatever its owner could write. */
export async function appendToLog(dataFolder: string, entries: readonly LoggedEntry[]): Promise<void> {
  const log = await TransparencyLog.open({
    folder: dataFolder,
    key: await openLogKey(dataFolder, "127.0.0.1"),
  });
  await log.append(entries);
  await log.close();
}

/** An account that nobody lives in. */
export async function strawMan(name: string) {
  const { chain, nameOpening, accountId } = await createAccount({ name, nowMs: Date.now() });
  const record = { account: accountId, name, nameOpening, chain, createdAtMs: Date.now() };
  return { record, logged: loggedChain(record) };
}

/** Relay options under which a look-up of `name` finds `record`, whoever owns the name. */
export function lyingStore(
  lies: ReadonlyMap<string, Awaited<ReturnType<typeof strawMan>>["record"]>,
): Partial<RelayOptions> {
  return {
    openStore(folder) {
      const store = openSqliteStore({ path: join(folder, "relay.db") });
      return {
        ...store,
        accountByName: async (name) => lies.get(name) ?? (await store.accountByName(name)),
        account: async (id) =>
          [...lies.values()].find(({ account }) => bytesEqual(account, id)) ?? (await store.account(id)),
      };
    },
  };
}

function unclosable<T extends { close(): Promise<void> }>(shared: T): T {
  return { ...shared, close: async () => {} };
}
