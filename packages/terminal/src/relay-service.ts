import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ChatError } from "@parley/client";
import type { Json } from "@parley/client/node";
import { openOrAttach } from "@parley/client/node";
import type { Relay, RelayOptions } from "@parley/server";
import { formatHostAddress, formatInviteLink, serverCode } from "@parley/trust";
import { CommandFailure } from "./command-failure.ts";
import { tell } from "./failure.ts";
import { asNumber, asObject, asText } from "./json-shape.ts";
import { adminRows } from "./relay-admin.ts";

/** What the operator of a relay can ask of it, from the process that runs it or from another one. */
export interface RelayService extends AsyncDisposable {
  /** Whether this process runs it. */
  readonly here: boolean;
  describe(): Promise<RelayDescription>;
  /** A link for one new person, from the operator. */
  invite(): Promise<string>;
}

export interface RelayDescription {
  /** `host` or `host:port`, as it stands in links. */
  readonly address: string;
  /** 30 digits in six groups. */
  readonly code: string;
  /** The transparency log's verifier key: what a witness is told. */
  readonly logKey: string;
  readonly accounts: number;
}

const OPERATOR_LINK_TTL_MS = 24 * 60 * 60 * 1000;
const ADDRESS_FILE = "address.json";

/** Starts the relay of a folder; when one runs there already, attaches to it. `publicHost` is the host in links. */
export async function startRelayService(
  options: RelayOptions & { readonly publicHost?: string | undefined },
): Promise<RelayService> {
  const held = await openOrAttach({ folder: options.dataFolder });
  if (held.role === "attached") return attachedService(held);
  try {
    const { startRelay } = await import("@parley/server");
    const relay = await startRelay(options);
    const service = ownService(relay, options.publicHost);
    await rememberPort(options.dataFolder, relay.address.port);
    held.serve({
      async call(method, params) {
        if (method === "describe") return { ...(await service.describe()) };
        if (method === "invite") return await service.invite();
        if (method === "copy-data") return await copyRelay(relay, asText(asObject(params)["folder"]));
        throw new CommandFailure("The running relay does not know that");
      },
      async *stream(method, params) {
        if (method !== "admin") throw new CommandFailure("The running relay does not know that");
        yield* adminRows(relay, params);
      },
    });
    return {
      ...service,
      async [Symbol.asyncDispose]() {
        await relay.close();
        await held.close();
      },
    };
  } catch (error) {
    await held.close();
    throw error;
  }
}

/** Whether a relay has ever run on a folder. */
export function relayIn(folder: string): boolean {
  return existsSync(join(folder, "relay.db"));
}

/** What goes wrong is told to whoever asked, in the words of the relay. */
async function copyRelay(relay: Relay, folder: string): Promise<number> {
  try {
    return await relay.copyData(folder);
  } catch (error) {
    throw new ChatError("refused", tell(error).text);
  }
}

/** Attaches to the relay that runs on a folder; undefined when none does. */
export async function findRelayService(folder: string): Promise<RelayService | undefined> {
  if (!existsSync(folder)) return undefined;
  const held = await openOrAttach({ folder });
  if (held.role === "attached") return attachedService(held);
  await held.close();
  return undefined;
}

/** The port a relay had: links carry it, so it stays. */
export async function rememberedPort(folder: string): Promise<number | undefined> {
  try {
    return asNumber(asObject(JSON.parse(await readFile(join(folder, ADDRESS_FILE), "utf8")) as Json)["port"]);
  } catch {
    return undefined;
  }
}

async function rememberPort(folder: string, port: number): Promise<void> {
  await writeFile(join(folder, ADDRESS_FILE), `${JSON.stringify({ port })}\n`, { mode: 0o600 });
}

function ownService(relay: Relay, publicHost: string | undefined): Omit<RelayService, keyof AsyncDisposable> {
  const address = { host: publicHost ?? linkHost(relay), port: relay.address.port };
  return {
    here: true,
    async describe() {
      return {
        address: formatHostAddress(address),
        code: serverCode(relay.serverId),
        logKey: relay.logKey,
        accounts: await relay.countAccounts(),
      };
    },
    async invite() {
      const invite = await relay.createOperatorInvite({ uses: 1, ttlMs: OPERATOR_LINK_TTL_MS });
      const nobody = { inviter: undefined, room: undefined, checkpoint: undefined };
      return formatInviteLink({ ...address, serverId: relay.serverId, ...invite, ...nobody });
    },
  };
}

/** A relay that listens everywhere is reached by this machine's name. */
function linkHost(relay: Relay): string {
  const { host } = relay.address;
  const everywhere = host === "0.0.0.0" || host === "::";
  return everywhere ? (relay.hostNames[0] ?? "localhost") : host.includes(":") ? `[${host}]` : host;
}

function attachedService(held: {
  call(method: string, params: Json): Promise<Json>;
  close(): void;
}): RelayService {
  return {
    here: false,
    async describe() {
      const { address, code, logKey, accounts } = asObject(await held.call("describe", null));
      return {
        address: asText(address),
        code: asText(code),
        logKey: asText(logKey),
        accounts: asNumber(accounts),
      };
    },
    invite: async () => asText(await held.call("invite", null)),
    [Symbol.asyncDispose]: async () => held.close(),
  };
}
