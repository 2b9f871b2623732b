import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NewAccount } from "@parley/trust";
import type { RelayOptions } from "../options.ts";
import type { Relay } from "../relay.ts";
import { startRelay } from "../relay.ts";
import { makeAccount, RawClient } from "./raw-client.ts";

/** A relay in a folder of its own, which goes away with it. */
export interface TestRelay extends AsyncDisposable {
  readonly relay: Relay;
  readonly folder: string;
  /** Everything logged, one JSON object a line. */
  readonly logLines: string[];
  connect(options?: { localAddress?: string }): Promise<RawClient>;
  /** A new account on a connection of its own. */
  member(name: string): Promise<Member>;
}

/** A registered account and its connection. */
export interface Member {
  readonly name: string;
  readonly account: NewAccount;
  readonly client: RawClient;
}

/** Starts a relay on a free port of 127.0.0.1, open for registration and plain, unless `options` say otherwise. */
export async function startTestRelay(options: Partial<RelayOptions> = {}): Promise<TestRelay> {
  const folder = options.dataFolder ?? (await mkdtemp(join(tmpdir(), "parley-relay-")));
  const logLines: string[] = [];
  const clients: RawClient[] = [];
  const removeFolder = async () => {
    if (!options.dataFolder) await rm(folder, { recursive: true, force: true });
  };
  const relay = await startRelay({
    dataFolder: folder,
    registration: "open",
    tls: { kind: "off" },
    onNewIdentity: () => {},
    log: { destination: { write: (line) => logLines.push(line) } },
    ...options,
  }).catch(async (error: unknown) => {
    await removeFolder();
    throw error;
  });
  const connect: TestRelay["connect"] = async (how) => {
    const client = await RawClient.connect(relay.url, how);
    clients.push(client);
    return client;
  };
  return {
    relay,
    folder,
    logLines,
    connect,
    async member(name) {
      const account = await makeAccount(name, options.clock?.nowMs());
      const client = await connect();
      await client.register(account, name);
      return { name, account, client };
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.socket.terminate();
      await relay.close();
      await removeFolder();
    },
  };
}
