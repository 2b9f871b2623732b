import { join } from "node:path";
import { LIMITS, ProtocolError } from "@parley/protocol";
import { inviteSecretHash, Secret } from "@parley/trust";
import { AccountControls } from "./admin/account-controls.ts";
import { copyData } from "./admin/backup.ts";
import { RelayAdmin } from "./admin/relay-admin.ts";
import { awaitsRepair } from "./admin/repair-mark.ts";
import type { Bus } from "./bus/bus.ts";
import { createInProcessBus } from "./bus/in-process.ts";
import type { Clock } from "./clock.ts";
import { every, systemClock } from "./clock.ts";
import { Connection } from "./connection/connection.ts";
import { healthCheck } from "./health.ts";
import { listen } from "./http/listener.ts";
import { defaultHostNames } from "./identity/host-names.ts";
import { ServerFace } from "./identity/server-face.ts";
import { DEFAULT_LIMITS } from "./limits/relay-limits.ts";
import { logHttpPage } from "./log/log-pages.ts";
import { reconcileLog } from "./log/reconciliation.ts";
import { TransparencyLog } from "./log/transparency-log.ts";
import { feedWitnesses, requireWitnessKeys } from "./log/witness-feed.ts";
import type { RelayLog } from "./log.ts";
import { createLog, faultTrace } from "./log.ts";
import type { RelayOptions, TlsMode } from "./options.ts";
import { assembleRelay } from "./relay-parts.ts";
import { shutDown } from "./shutdown.ts";
import type { RelayStore } from "./store/contract.ts";
import { openSqliteStore } from "./store/sqlite/store.ts";

const DEFAULT_HOST = "127.0.0.1";
const DEFAULT_TLS: TlsMode = { kind: "self-signed" };
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
  /** C2SP verifier key of the transparency log: what witnesses are told. */
  readonly logKey: string;
  /** Number of accounts. */
  countAccounts(): Promise<number>;
  /** Throws `ProtocolError` `too-large` beyond `LIMITS.inviteLifetimeMs`, `storage-unavailable`. */
  createOperatorInvite(options: { readonly uses: number; readonly ttlMs: number }): Promise<OperatorInvite>;
  readonly admin: RelayAdmin;
  /** Whether a backup was put back, and the log takes no new entries until it is repaired. */
  readonly awaitsLogRepair: boolean;
  /**
   * Copies everything into an empty folder while the relay goes on; `finishBackup` makes a backup of it. Throws
   * BackupError `not-empty`.
   * @returns what `finishBackup` wants to know as `settledLogSize`.
   */
  copyData(folder: string): Promise<number>;
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
    return await runRelay(options, { store, bus, clock, log });
  } catch (error) {
    await store.close();
    await bus.close();
    throw error;
  }
}

interface Foundations {
  readonly store: RelayStore;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: RelayLog;
}

async function runRelay(options: RelayOptions, foundations: Foundations): Promise<Relay> {
  const { dataFolder, host = DEFAULT_HOST, onNewIdentity } = options;
  const { store, clock, log } = foundations;
  const hostNames = options.hostNames ?? defaultHostNames(host);
  const tls = options.tls ?? DEFAULT_TLS;
  requireWitnessKeys(options.witnesses ?? []);
  const generation = await store.generation();
  const face = await ServerFace.open({
    folder: dataFolder,
    hostNames,
    tls,
    generation,
    clock,
    log,
    onNewIdentity,
  });

  const transparencyLog = await TransparencyLog.open({ folder: dataFolder, key: face.logKey });
  try {
    transparencyLog.awaitsRepair = await awaitsRepair(store);
    if (transparencyLog.awaitsRepair) log.warn("log-awaits-repair");
    else await reconcileLog(transparencyLog, { serverChain: face.identity.chain, store });
    return await serve({ ...options, hostNames, tls }, { ...foundations, face, transparencyLog });
  } catch (error) {
    await transparencyLog.close();
    throw error;
  }
}

interface Opened extends Foundations {
  readonly face: ServerFace;
  readonly transparencyLog: TransparencyLog;
}

async function serve(
  options: RelayOptions & Required<Pick<RelayOptions, "hostNames" | "tls">>,
  foundations: Opened,
): Promise<Relay> {
  const { host = DEFAULT_HOST, port = 0, registration = "invite", hostNames, tls } = options;
  const { store, clock, log, face, transparencyLog } = foundations;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  let closing: Promise<void> | undefined;
  const isDraining = () => closing !== undefined;
  const onFault = (error: unknown) => log.error("fault", { fault: faultTrace(error) });
  const controls = await AccountControls.load(store);
  const parts = assembleRelay({ ...foundations, controls, limits, registration, onFault, isDraining });
  const { connections, context } = parts;
  const { metrics, welcomes, traffic } = context.services;
  await welcomes.resume();
  const listener = await listen({
    host,
    port,
    ...(face.tls && { tls: face.tls }),
    trustForwardedFor: tls.kind === "off" && tls.trustForwardedFor === true,
    publicMetrics: options.publicMetrics ?? false,
    connectionsPerAddress: limits.connectionsPerAddress,
    checkHealth: healthCheck(store, clock, isDraining),
    logPage: (path) => logHttpPage(transparencyLog, path),
    exposeMetrics: () => metrics.expose(),
    admits: (address) => (isDraining() ? "stopping" : connections.admits(address) ? "yes" : "too-many"),
    onRefused() {
      metrics.connectionRefused();
      log.warn("connection-refused");
    },
    onWebSocket(socket, transport, address) {
      const helloBytes = face.hello(transparencyLog.checkpoint);
      const connection = new Connection({ context, socket, transport, address, helloBytes });
      metrics.connectionOpened();
      socket.on("close", connections.add(connection));
    },
  });
  const stopTasks = [
    connections.watch(),
    metrics.watch(),
    face.watch((own) => listener.setTlsIdentity(own), onFault),
    feedWitnesses({ log: transparencyLog, witnesses: options.witnesses ?? [], clock, onFault }),
    every(clock, TIDY_MS, () => traffic.forgetIdle()),
    every(clock, EXPIRE_MS, () => void store.expire(clock.nowMs()).catch(onFault)),
  ];
  log.info("started", { portNumber: listener.port, secure: face.tls !== undefined });

  const stop = async () => {
    log.info("stopping");
    for (const stopTask of stopTasks) stopTask();
    await shutDown({ ...foundations, drainMs: limits.drainMs, connections, welcomes, listener });
    await transparencyLog.close();
    log.info("stopped");
  };
  const close = () => (closing ??= stop());
  return {
    address: { host, port: listener.port },
    url: `${face.tls ? "wss" : "ws"}://${host.includes(":") ? `[${host}]` : host}:${listener.port}/v1`,
    serverId: face.identity.server.serverId,
    serverChain: face.identity.chain,
    hostNames,
    logKey: face.logKey.vkey,
    countAccounts: async () => (await store.usage()).accounts,
    admin: new RelayAdmin({ store, transparencyLog, connections, controls, clock }),
    get awaitsLogRepair() {
      return transparencyLog.awaitsRepair;
    },
    copyData: (folder) => {
      const copy = (name: "relay.db" | "log.db", path: string) =>
        name === "relay.db" ? store.copyTo(path) : transparencyLog.copyTo(path);
      return copyData({ dataFolder: options.dataFolder, logSize: () => transparencyLog.size, copy }, folder);
    },
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
