import type { ServerPin } from "@parley/trust";
import type { ServerPins } from "./server-trust.ts";

/** Pins that are gone with the process; for tests. */
export function memoryPins(
  first: Readonly<Record<string, ServerPin>> = {},
): ServerPins & { readonly all: Map<string, ServerPin> } {
  const all = new Map(Object.entries(first));
  return {
    all,
    get: async (host) => all.get(host),
    put: async (host, pin) => {
      all.set(host, pin);
    },
  };
}
