import { ChatError } from "@parley/client";
import type { Json } from "@parley/client/node";

/** Readers of JSON from another process; each throws ChatError `refused` for another shape. */

export function asObject(value: Json | undefined): { readonly [key: string]: Json } {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as { readonly [key: string]: Json };
  }
  throw misshapen();
}

export function asList(value: Json | undefined): readonly Json[] {
  if (Array.isArray(value)) return value as readonly Json[];
  throw misshapen();
}

export function asText(value: Json | undefined): string {
  if (typeof value === "string") return value;
  throw misshapen();
}

/** A finite number, not negative. */
export function asNumber(value: Json | undefined): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw misshapen();
}

export function asBoolean(value: Json | undefined): boolean {
  if (typeof value === "boolean") return value;
  throw misshapen();
}

export function asOptional<Value>(value: Json | undefined, read: (value: Json) => Value): Value | undefined {
  return value === undefined || value === null ? undefined : read(value);
}

function misshapen(): ChatError {
  return new ChatError("refused", "The other Parley speaks in an unknown way: end it and start again");
}
