import type { ExitCode } from "./exit-codes.ts";
import { EXIT_CODES } from "./exit-codes.ts";

/** An end that was foreseen: a sentence for the person and the code to exit with. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  readonly exitCode: ExitCode;

  /** @param message without a full stop. */
  constructor(message: string, exitCode: ExitCode = EXIT_CODES.failure, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
