import { join } from "node:path";
import { LIMITS, ProtocolError } from "@parley/protocol";
import { inviteSecretHash, Secret } from "@parley/trust";
import { Accounts } from "./accounts.ts";
import type { Bus } from "./bus/bus.ts";
import { createInProcessBus } from "./bus/in-process.ts";
import type { Clock } from "./clock.ts";
import { every, systemClock } from "./clock.ts";
import { Connection } from "./connection/connection.ts";
import { Connections } from "./connection/connections.ts";
import { FanOut } from "./delivery/fan-out.ts";
import { Turn } from "./delivery/turn.ts";
import { WelcomeDelivery } from "./delivery/welcome-delivery.ts";
import { rememberHealth } from "./health.ts";
import { listen } from "./http/listener.ts";
import { Greeting } from "./identity/greeting.ts";
import { defaultHostNames } from "./identity/host-names.ts";
import type { NewIdentity } from "./identity/server-keys.ts";
import { openRelayIdentity } from "./identity/server-keys.ts";
import { DEFAULT_LIMITS } from "./limits/relay-limits.ts";
import { Traffic } from "./limits/traffic.ts";
import type { RelayLog } from "./log.ts";
import { createLog, faultTrace } from "./log.ts";
import { RelayMetrics } from "./metrics.ts";
import type { RelayOptions } from "./options.ts";
import type { RelayServices } from "./requests/call.ts";
import { shutDown } from "./shutdown.ts";
import type { RelayStore } from "./store/contract.ts";
import { openSqliteStore } from "./store/sqlite/store.ts";
import { isSameTlsKeys, readTlsKeys } from "./tls/tls-keys.ts";

const TLS_WATCH_MS = 30_000;
const TIDY_MS = 60_000;
const EXPIRE_MS = 60 * 60 * 1000;

/** An invite that the operator makes, before there is anybody to invite. */
export interface OperatorInvite {
  readonly id: Uint8Array;
  /** 32 bytes; goes into the link. The relay keeps a hash only. */
  readonly secret: Secret;
  readonly expiresAtMs: number;
}

/** A relay that runs. */
export interface Relay {
  readonly address: { readonly host: string; readonly port: number };
  /** `wss://HOST:PORT/v1`, or `ws://` when TLS is off. */
  readonly url: string;
  /** SHA-256 of the server-genesis entry: what invites pin. */
  readonly serverId: Uint8Array;
  /** Encoded entries of the server's key chain, oldest first. */
  readonly serverChain: readonly Uint8Array[];
  readonly hostNames: readonly string[];
  /** Number of accounts. */
  countAccounts(): Promise<number>;
  /** Throws `ProtocolError` `too-large` beyond `LIMITS.inviteLifetimeMs`, `storage-unavailable`. */
  createOperatorInvite(options: { readonly uses: number; readonly ttlMs: number }): Promise<OperatorInvite>;
  /**
   * Takes no more connections and requests, answers those under way, sends what waits, then closes everything; what takes
   * longer than `limits.drainMs` is cut off. Calling again waits for the same.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a relay on a data folder. Rejects with `StoreOpenError`, with the system's error when the port or a file cannot be
 * had, and with what `onNewIdentity` throws; then nothing is left running.
 */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const { dataFolder, clock = systemClock } = options;
  const log = createLog(options.log);
  const open = options.openStore ?? ((folder: string) => openSqliteStore({ path: join(folder, "relay.db") }));
  const store = await open(dataFolder);
  const bus = options.bus ?? createInProcessBus();
  try {
    return await runRelay({ ...options, clock }, { store, bus, log });
  } catch (error) {
    await store.close();
    await bus.close();
    throw error;
  }
}

async function runRelay(
  options: RelayOptions & { readonly clock: Clock },
  { store, bus, log }: { readonly store: RelayStore; readonly bus: Bus; readonly log: RelayLog },
): Promise<Relay> {
  const { dataFolder, clock, host = "127.0.0.1", port = 0, tls: mode = { kind: "self-signed" } } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const hostNames = options.hostNames ?? defaultHostNames(host);
  const onNewIdentity = async (created: NewIdentity) => {
    await options.onNewIdentity(created);
    log.info("identity-created");
  };
  const identity = await openRelayIdentity({
    folder: dataFolder,
    hostNames,
    nowMs: clock.nowMs(),
    onNewIdentity,
  });
  const greeting = new Greeting({ identity, hostNames, generation: await store.generation(), clock });
  const readKeys = () => readTlsKeys({ folder: dataFolder, mode, hostNames, nowMs: clock.nowMs(), log });
  let keys = await readKeys();
  await greeting.state(keys.spkiHashes);

  const turn = new Turn();
  const onFault = (error: unknown) => log.error("fault", { fault: faultTrace(error) });
  const connections = new Connections(clock, limits);
  const metrics: RelayMetrics = new RelayMetrics({
    connectionCount: () => connections.count,
    sessionCount: () => connections.sessionCount,
    topicCount: () => fanOut.topicCount,
    storeUsage: () => store.usage(),
  });
  const onDelivered = (count: number) => metrics.delivered(count);
  const fanOut: FanOut = new FanOut(bus, { turn, clock, onFault, onDelivered });
  const welcomes = new WelcomeDelivery({ store, fanOut, clock, onFault });
  await welcomes.resume();
  const services: RelayServices = {
    store,
    accounts: new Accounts(store, clock),
    fanOut,
    welcomes,
    traffic: new Traffic(clock, limits),
    metrics,
    log,
    clock,
    registration: options.registration ?? "invite",
  };
  let closing: Promise<void> | undefined;
  const context = { services, limits, turn, isDraining: () => closing !== undefined };
  const checkHealth = rememberHealth(clock, () => store.checkHealth());

  const listener = await listen({
    host,
    port,
    ...(keys.own && { tls: keys.own }),
    trustForwardedFor: mode.kind === "off" && mode.trustForwardedFor === true,
    publicMetrics: options.publicMetrics ?? false,
    connectionsPerAddress: limits.connectionsPerAddress,
    checkHealth: async () => {
      if (closing) throw new ProtocolError("shutting-down");
      await checkHealth();
    },
    exposeMetrics: () => metrics.expose(),
    admits(address) {
      if (closing) return "stopping";
      return connections.admits(address) ? "yes" : "too-many";
    },
    onRefused() {
      metrics.connectionRefused();
      log.warn("connection-refused");
    },
    onWebSocket(socket, transport, address) {
      const connection = new Connection({
        context,
        socket,
        transport,
        address,
        helloBytes: greeting.hello(),
      });
      metrics.connectionOpened();
      socket.on("close", connections.add(connection));
    },
  });

  const watchTls = async () => {
    const present = await readKeys();
    if (isSameTlsKeys(keys, present)) return greeting.renewIfDue();
    keys = present;
    if (keys.own) listener.setTlsIdentity(keys.own);
    await greeting.state(keys.spkiHashes);
    log.info("tls-keys-changed", { keyCount: keys.spkiHashes.length });
  };
  const inBackground = (work: () => Promise<void>) => () => void work().catch(onFault);
  const stopTasks = [
    every(clock, TLS_WATCH_MS, inBackground(watchTls)),
    every(clock, TIDY_MS, () => services.traffic.forgetIdle()),
    every(
      clock,
      EXPIRE_MS,
      inBackground(() => store.expire(clock.nowMs())),
    ),
  ];

  const close = () => {
    closing ??= (async () => {
      log.info("stopping");
      for (const stop of stopTasks) stop();
      await shutDown({ clock, drainMs: limits.drainMs, connections, welcomes, listener, store, bus });
      metrics.close();
      log.info("stopped");
    })();
    return closing;
  };
  log.info("started", { portNumber: listener.port, secure: keys.own !== undefined });
  return {
    address: { host, port: listener.port },
    url: `${keys.own ? "wss" : "ws"}://${host.includes(":") ? `[${host}]` : host}:${listener.port}/v1`,
    serverId: identity.server.serverId,
    serverChain: identity.chain,
    hostNames,
    countAccounts: async () => (await store.usage()).accounts,
    createOperatorInvite: (terms) => createOperatorInvite(store, clock.nowMs(), terms),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function createOperatorInvite(
  store: RelayStore,
  nowMs: number,
  { uses, ttlMs }: { readonly uses: number; readonly ttlMs: number },
): Promise<OperatorInvite> {
  if (ttlMs > LIMITS.inviteLifetimeMs) throw new ProtocolError("too-large", "invite lifetime");
  const id = crypto.getRandomValues(new Uint8Array(16));
  const secret = Secret.random(32);
  const expiresAtMs = nowMs + ttlMs;
  await store.createInvite({ id, secretHash: inviteSecretHash(secret), expiresAtMs, uses });
  return { id, secret, expiresAtMs };
}
