import { CommandFailure } from "../command-failure.ts";
import type { Streams } from "../streams.ts";

type RunClassic = (
  args: readonly string[],
  streams: Pick<Streams, "stdin" | "stdout" | "stderr">,
) => Promise<number>;

/** `parley classic …`: everything behind it belongs to SecureChat v1. */
export async function runClassicVerb(args: readonly string[], streams: Streams): Promise<number> {
  const classic: { readonly runClassic?: RunClassic } = await import("@parley/classic");
  if (!classic.runClassic) throw new CommandFailure("This Parley was built without SecureChat v1");
  return await classic.runClassic(args, streams);
}
