import { readFileSync } from "node:fs";
import { passwordFrom } from "@parley/client/node";
import type { Secret } from "@parley/trust";
import { CommandFailure } from "./command-failure.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import type { Streams } from "./streams.ts";

/** Asks for a password: from a file, or else from the person, without showing it. Whoever calls it wipes the answer. */
export type PasswordSource = (question: string) => Promise<Secret>;

/**
 * @param file the first line of it is the password; undefined: the person is asked.
 * @param option what to name when there is neither; a CommandFailure `locked` then.
 */
export function passwordSource(
  streams: Streams,
  file: string | undefined,
  option = "--password-file FILE",
): PasswordSource {
  return async (question) => {
    if (file !== undefined) return passwordFrom(readFileSync(file, "utf8").replace(/\r?\n[\s\S]*$/, ""));
    if (streams.interactive) return passwordFrom(await streams.askHidden(question));
    throw new CommandFailure(
      `A password is needed, and there is no terminal to ask for it: ${option}`,
      EXIT_CODES.locked,
    );
  };
}
