import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createLeafCredential, DEFAULT_PORT, signerFromSeed } from "@parley/trust";
import type { Chat } from "../chat/chat.ts";
import { startChat } from "../chat/chat-client.ts";
import type { ChatParts } from "../chat/chat-parts.ts";
import type { Clock } from "../connection/clock.ts";
import { systemClock } from "../connection/clock.ts";
import { ConnectionError } from "../connection/connection.ts";
import type { EnrolmentRoad } from "../connection/enrolment.ts";
import { enrol, resumeEnrolment } from "../connection/enrolment.ts";
import { deviceLogin } from "../connection/login.ts";
import { connectRelay } from "../connection/relay-connection.ts";
import { createServerTrustCheck, describeServer } from "../connection/server-trust.ts";
import { relayUrl } from "../connection/transport.ts";
import { createMlsEngine } from "../mls/index.ts";
import { nodeCrypto } from "../mls/node.ts";
import { firstContactRules } from "../policy/first-contact.ts";
import { TrustSettings } from "../policy/trust-settings.ts";
import { KeyPackageSupply } from "../rooms/key-package-supply.ts";
import type { ClientStore } from "../store/client-store.ts";
import {
  discardAccount,
  loadAccount,
  pinsOf,
  recoveryWordsReminder,
  saveAccount,
  writeRecoveryWords,
} from "./account-folder.ts";
import { fetchServerChain } from "./server-chain-page.ts";
import { tlsTransport } from "./tls-transport.ts";

export { openStore } from "./account-store.ts";

const EVIDENCE_FILE = "fork-evidence.txt";

/** Whether a folder's store holds an account that its relay knows. */
export function hasAccount(store: ClientStore): boolean {
  return loadAccount(store)?.registered === true;
}

/** How a person becomes an account on this machine. */
export interface SignUp {
  readonly folder: string;
  readonly store: ClientStore;
  readonly road: EnrolmentRoad;
  readonly name: string;
  readonly deviceLabel?: string;
  readonly clock?: Clock;
  /** Hears, in several lines for the person, why the server was believed at first sight. */
  readonly onServerMet?: (text: string) => void;
}

/**
 * Makes an account and registers it. Killed at any moment, it can be asked again: keys that were made and not refused
 * are used again (with the name they were made for). When it is done, the account can be invited. Throws what `enrol` throws.
 */
export async function signUp({
  folder,
  store,
  road,
  name,
  deviceLabel,
  clock = systemClock,
  onServerMet,
}: SignUp): Promise<void> {
  const options = {
    transport: tlsTransport,
    clock,
    onDelivery: () => undefined,
    persist: async (account: Parameters<typeof saveAccount>[1]) => {
      saveAccount(store, account, false);
    },
    discard: async () => discardAccount(store, folder),
  };
  const begun = loadAccount(store);
  if (begun?.registered) return;
  const { account, connection } = begun
    ? await resumeEnrolment(options, begun)
    : await enrol({
        ...options,
        road,
        name,
        firstContact: firstContactRules({
          settings: new TrustSettings({ store, clock }),
          clock,
          fetchServerChain,
          onMet: onServerMet,
        }),
        ...(deviceLabel !== undefined && { deviceLabel }),
        persist: async (made) => {
          writeRecoveryWords(store, folder, made.recoverySeed, made.name);
          saveAccount(store, made, false);
        },
      });
  const signer = await signerFromSeed(account.deviceSeed);
  const supply = new KeyPackageSupply({
    store,
    engine: createMlsEngine({
      crypto: nodeCrypto,
      authenticationService: { validateLeaf: async () => false },
      nowMs: () => clock.nowMs(),
    }),
    identityFor: (leafKey) => createLeafCredential(signer, account.device, leafKey),
    clock,
  });
  await supply.topUp(connection, connection.session.stock);
  saveAccount(store, account, true);
  connection.close();
  await connection.ended;
}

/** What {@link openChat} needs. */
export interface OpenChatOptions {
  readonly folder: string;
  readonly store: ClientStore;
  /** A fault that nobody waits for. */
  readonly onFault: (error: unknown) => void;
  readonly clock?: Clock;
  /** Believes the relay whatever its log says, so that tests can show what that would let by. */
  readonly unsafeTestingIgnoreLog?: boolean;
  /** Adds people whatever the user's witnesses say, so that tests can show what that would let by. */
  readonly unsafeTestingIgnoreWitnesses?: boolean;
  /** Changes the messages of comparisons that the client sends, so that tests can play a man in the middle. */
  readonly unsafeTestingSasMessage?: ((message: Uint8Array) => Uint8Array) | undefined;
  /** Stands between the client and its relay, so that tests can play a relay that lies on a proven connection. */
  readonly unsafeTestingConnect?: (connect: ChatParts["connect"]) => ChatParts["connect"];
}

/** Opens the account of a folder and starts to connect. The chat closes the store. */
export async function openChat({
  folder,
  store,
  onFault,
  clock = systemClock,
  unsafeTestingIgnoreLog = false,
  unsafeTestingIgnoreWitnesses = false,
  unsafeTestingSasMessage,
  unsafeTestingConnect = (connect) => connect,
}: OpenChatOptions): Promise<Chat> {
  const account = loadAccount(store);
  if (!account) throw new ConnectionError("not-proven", "There is no account here yet");
  const signer = await signerFromSeed(account.deviceSeed);
  const login = deviceLogin({ device: account.device, signer });
  const url = relayUrl(account.host);
  const pins = pinsOf(store);
  let waiting = () => 0;
  const trust = createServerTrustCheck({ clock, pins, waiting: () => waiting() });
  const chat = await startChat({
    store,
    clock,
    randomBytes: (length) => new Uint8Array(randomBytes(length)),
    me: account.device,
    name: account.name,
    signer,
    address: { host: url.hostname, port: Number(url.port || DEFAULT_PORT) },
    serverId: account.pin.serverId,
    server: describeServer(account.host, account.pin),
    connect: unsafeTestingConnect((given) =>
      connectRelay({ transport: tlsTransport, url, trust, login, clock, ...given }),
    ),
    createEngine: (authenticationService) =>
      createMlsEngine({ crypto: nodeCrypto, authenticationService, nowMs: () => clock.nowMs() }),
    recoveryWords: recoveryWordsReminder(store, folder),
    keepEvidence(evidence) {
      const file = join(folder, EVIDENCE_FILE);
      writeFileSync(file, evidence, { mode: 0o600 });
      return `in ${file}`;
    },
    onFault,
    unsafeTestingIgnoreLog,
    unsafeTestingSasMessage,
    unsafeTestingIgnoreWitnesses,
  });
  waiting = () => chat.snapshot().queued;
  return chat;
}
