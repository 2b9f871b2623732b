import type { Handler } from "./call.ts";

/** docs/protocol.md §4.16. */
export const logEntries: Handler<"log-entries"> = async ({ from, max }, { services }) => {
  const { checkpoint, entries } = services.transparencyLog.read(from, max);
  return {
    answer: {
      kind: "log-entries",
      from,
      checkpoint,
      entries: entries.map(({ entry, opening }) => ({ entry, opening })),
    },
  };
};
