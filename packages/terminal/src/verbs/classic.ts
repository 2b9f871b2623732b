import { runClassic } from "@parley/classic";
import type { Streams } from "../streams.ts";

/** `parley classic …`: everything behind it belongs to SecureChat v1. */
export async function runClassicVerb(
  args: readonly string[],
  streams: Streams,
  signal: AbortSignal,
): Promise<number> {
  const { stdin, stdout, stderr } = streams;
  return await runClassic(args, { stdin, stdout, stderr, signal });
}
