import type { DeviceAddress } from "@parley/protocol";
import type { HostAddress, Signer } from "@parley/trust";
import type { Clock } from "../connection/clock.ts";
import type { RelayLinkOptions } from "../connection/relay-link.ts";
import type { AuthenticationService, MlsEngine } from "../mls/index.ts";
import type { ClientStore } from "../store/client-store.ts";
import type { ServerTrust } from "./chat.ts";

/** The recovery words of sign-up, until the user has confirmed that they are written down. */
export interface RecoveryWordsReminder {
  /** Where they lie; undefined when they have been confirmed. */
  file(): string | undefined;
  /** Compares; removes the file and answers true when they are the same. */
  confirm(words: string): Promise<boolean>;
}

/** What a running chat is made of. Everything but the store belongs to one account on one device. */
export interface ChatParts {
  readonly store: ClientStore;
  readonly clock: Clock;
  readonly randomBytes: (length: number) => Uint8Array;
  readonly me: DeviceAddress;
  readonly name: string;
  readonly signer: Signer;
  /** Where the relay is, as it stands in links. */
  readonly address: HostAddress;
  readonly serverId: Uint8Array;
  /** What is known of the server before it is reached. */
  readonly server: ServerTrust;
  readonly connect: RelayLinkOptions["connect"];
  readonly createEngine: (authenticationService: AuthenticationService) => MlsEngine;
  readonly recoveryWords: RecoveryWordsReminder;
  /** Keeps proof that the server's log forked. @returns where, for a sentence. */
  readonly keepEvidence: (evidence: Uint8Array) => string;
  readonly unsafeTestingIgnoreLog?: boolean;
  /** Changes the messages of comparisons that this client sends, so that tests can play a man in the middle. */
  readonly unsafeTestingSasMessage?: ((message: Uint8Array) => Uint8Array) | undefined;
  /** Adds people whatever the user's witnesses say, so that tests can show what that would let by. */
  readonly unsafeTestingIgnoreWitnesses?: boolean;
  /** A fault that nobody waits for: told to the operator of this client, never to others. */
  readonly onFault: (error: unknown) => void;
}
