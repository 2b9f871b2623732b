import { TrustError } from "./errors.ts";

const REDACTED = "[secret]";
const inspectCustom = Symbol.for("nodejs.util.inspect.custom");

/**
 * Bytes that must not be printed. `String`, template literals, `JSON.stringify` and Node's `util.inspect` all show
 * `[secret]`. The bytes are copied in, so the caller may wipe its own copy.
 */
export class Secret {
  #bytes: Uint8Array | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes.slice();
  }

  /** @returns `length` bytes of the platform's random generator. */
  static random(length: number): Secret {
    const bytes = crypto.getRandomValues(new Uint8Array(length));
    const secret = new Secret(bytes);
    bytes.fill(0);
    return secret;
  }

  /** The bytes themselves, not a copy: use them at once, do not keep them. Throws `secret-wiped` after {@link wipe}. */
  expose(): Uint8Array {
    if (!this.#bytes) throw new TrustError("secret-wiped");
    return this.#bytes;
  }

  /** Overwrites the bytes. Copies that others made, and what the garbage collector moved, are out of reach. */
  wipe(): void {
    this.#bytes?.fill(0);
    this.#bytes = undefined;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspectCustom](): string {
    return REDACTED;
  }
}

/** Whether two byte strings are equal, in a time that depends on their lengths only. */
export function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}
