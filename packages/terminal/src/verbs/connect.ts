import type { EnrolmentRoad } from "@parley/client";
import { ServerRefusedError } from "@parley/client";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { VerbContext } from "../program.ts";
import type { ArrivalOptions } from "./join.ts";
import { arrive, chooseName, requireNewProfile } from "./join.ts";

/** `parley connect HOST`: a server that nothing speaks for is not believed, and `y` or Enter do not change that. */
export async function runConnect(
  context: VerbContext,
  host: string,
  { code, ...options }: ArrivalOptions & { readonly code?: string },
): Promise<ExitCode> {
  await requireNewProfile(context);
  const name = await chooseName(context, options.name);
  let road: EnrolmentRoad = { host, introduction: code === undefined ? {} : { typed: code } };
  for (;;) {
    try {
      return await arrive(context, road, { ...options, name });
    } catch (error) {
      if (
        !(error instanceof ServerRefusedError) ||
        error.code !== "not-proven" ||
        !context.streams.interactive
      )
        throw error;
      context.streams.warn(error.text);
      const typed = await context.streams.ask("  >");
      if (typed === "") return EXIT_CODES.notProven;
      road = /^(https?|parley):/.test(typed) ? { link: typed } : { host, introduction: { typed } };
    }
  }
}
