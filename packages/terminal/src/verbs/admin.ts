import { resolve } from "node:path";
import type { Json } from "@parley/client/node";
import { openOrAttach } from "@parley/client/node";
import { CommandFailure } from "../command-failure.ts";
import { relayFolder } from "../environment.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { asObject } from "../json-shape.ts";
import type { VerbContext } from "../program.ts";
import type { AdminRequest } from "../relay-admin.ts";
import { relayIn } from "../relay-service.ts";

interface AdminOptions {
  readonly data?: string;
  readonly json?: boolean;
}

/** `parley admin …`: asks the relay that runs on a folder of this user. What it answers is one row a line. */
export async function runAdmin(
  { environment, streams }: Omit<VerbContext, "folder" | "password">,
  request: AdminRequest,
  { data, json }: AdminOptions,
): Promise<ExitCode> {
  const dataFolder = resolve(data ?? relayFolder(environment));
  if (!relayIn(dataFolder)) throw new CommandFailure(`There is no relay in ${dataFolder}`);
  const held = await openOrAttach({ folder: dataFolder });
  try {
    if (held.role === "owner") {
      throw new CommandFailure(`No relay runs on ${dataFolder}: start it with parley serve`);
    }
    for await (const row of held.stream("admin", JSON.parse(JSON.stringify(request)) as Json)) {
      await streams.print(json ? JSON.stringify(row) : rowText(asObject(row)));
    }
  } finally {
    await held.close();
  }
  return EXIT_CODES.ok;
}

/** `name=value` pairs; times as people read them. Nothing in them is free text: names are of a small alphabet. */
function rowText(row: { readonly [key: string]: Json }): string {
  return Object.entries(row)
    .map(([key, value]) => [key.replace(/(AtMs|Ms)$/, ""), valueText(key, value)].join("="))
    .join("  ");
}

function valueText(key: string, value: Json): string {
  if (key.endsWith("Ms") && typeof value === "number") return new Date(value).toISOString();
  return String(value);
}

/** Reads what `parley admin quota` is given: bytes, or `none`. */
export function parseQuota(text: string): number | undefined {
  if (text === "none") return undefined;
  const bytes = Number(text);
  if (Number.isSafeInteger(bytes) && bytes >= 0) return bytes;
  throw new CommandFailure("A quota is a number of bytes, or none", EXIT_CODES.usage);
}
