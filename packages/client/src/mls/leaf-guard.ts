import type { Credential } from "ts-mls";
import type { AuthenticationService as LibraryAuthenticationService } from "ts-mls/authenticationService.js";
import type { AuthenticationService, LeafClaim, LeafSituation } from "./engine-types.ts";
import { MlsError } from "./errors.ts";

/**
 * Puts the caller's authentication service under ts-mls for one operation, and remembers a refusal, so that the
 * error that comes out of the library can be told from others by fact.
 */
export class LeafGuard implements LibraryAuthenticationService {
  readonly #service: AuthenticationService;
  readonly #situation: LeafSituation;
  #refusal: MlsError | undefined;

  constructor(service: AuthenticationService, situation: LeafSituation) {
    this.#service = service;
    this.#situation = situation;
  }

  get refusal(): MlsError | undefined {
    return this.#refusal;
  }

  async validateCredential(credential: Credential, signatureKey: Uint8Array): Promise<boolean> {
    if (credential.credentialType !== "basic") {
      this.#refusal = new MlsError("unsupported", "only basic credentials are part of our profile");
      return false;
    }
    return this.#ask({ identity: credential.identity, signatureKey }, this.#situation);
  }

  /** @throws MlsError `unauthenticated` unless the service says `true` */
  async require(claim: LeafClaim, situation: LeafSituation): Promise<void> {
    if (!(await this.#ask(claim, situation))) throw this.#refusal;
  }

  /** Like {@link require}, where a refusal has no consequence but leaving the leaf out. */
  async allows(claim: LeafClaim, situation: LeafSituation): Promise<boolean> {
    const before = this.#refusal;
    const allowed = await this.#ask(claim, situation);
    this.#refusal = before;
    return allowed;
  }

  async #ask({ identity, signatureKey }: LeafClaim, situation: LeafSituation): Promise<boolean> {
    try {
      const admitted = await this.#service.validateLeaf({ identity, signatureKey, situation });
      if (admitted === true) return true;
      this.#refusal = new MlsError("unauthenticated", "the authentication service refused a leaf");
    } catch (cause) {
      this.#refusal = new MlsError("unauthenticated", "the authentication service failed", { cause });
    }
    return false;
  }
}
