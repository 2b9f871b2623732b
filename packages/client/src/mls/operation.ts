import type { CiphersuiteImpl, ClientConfig, ClientState } from "ts-mls";
import type { AuthenticationService, StateChange } from "./engine-types.ts";
import { MlsError } from "./errors.ts";
import type { ActiveState, GroupState } from "./group-state.ts";
import { KEYS, put } from "./records.ts";
import { encodeRatchets } from "./state-codec.ts";
import type { MlsCrypto } from "./suites.ts";

/** What every operation is handed. */
export interface Surroundings {
  readonly crypto: MlsCrypto;
  readonly authenticationService: AuthenticationService;
  readonly nowMs: () => number;
}

/** What an operation makes, before the caller has stored it. `spent` is zeroed once it is in force. */
export interface Outcome<Result> {
  readonly result: Result;
  readonly state: GroupState;
  readonly changes: readonly StateChange[];
  readonly spent: readonly Uint8Array[];
}

/** @throws MlsError `removed` */
export function requireActive(state: GroupState): ActiveState {
  if (state.kind === "removed") throw new MlsError("removed", "this device is no longer a member");
  return state;
}

export function suiteFor(surroundings: Surroundings, state: ActiveState): CiphersuiteImpl {
  return surroundings.crypto(state.suite);
}

/** The state as the library wants it for one operation. */
export function withConfig(state: ActiveState, config: ClientConfig): ClientState {
  return { ...state.current, clientConfig: config };
}

/** The record of one leaf's ratchets: all that changes with one message. */
export function ratchetChange(state: ClientState, leafIndex: number): StateChange {
  const ratchets = state.secretTree[leafIndex * 2];
  if (ratchets === undefined) throw new MlsError("internal", `leaf ${leafIndex} has no ratchets`);
  return put(KEYS.ratchet(state.groupContext.epoch, leafIndex), encodeRatchets(ratchets));
}
