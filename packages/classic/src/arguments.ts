import { parseArgs } from "node:util";
import { ClassicError } from "./errors.ts";
import type { Endpoint } from "./man-in-the-middle.ts";
import { DEFAULT_HOST, DEFAULT_PORT } from "./relay.ts";

/** What `parley classic` was asked to do. */
export type ClassicCommand =
  | { readonly verb: "help" }
  | {
      readonly verb: "serve";
      readonly host: string;
      readonly port: number;
      readonly group: "generate" | "modp14";
      readonly paramsPath: string | undefined;
      readonly showSecrets: boolean;
    }
  | { readonly verb: "join"; readonly host: string; readonly port: number; readonly showSecrets: boolean }
  | { readonly verb: "mitm"; readonly listen: Endpoint; readonly to: Endpoint };

export const USAGE = `Usage: parley classic serve [--host ${DEFAULT_HOST}] [--port ${DEFAULT_PORT}] [--group modp14 | --params FILE] [--show-secrets]
       parley classic join HOST [--port ${DEFAULT_PORT}] [--show-secrets]
       parley classic mitm --listen [HOST:]PORT --to [HOST:]PORT

The protocol of SecureChat v1, for talking to its users and for learning from it.

  serve   relays between clients; it reads every message
            --group modp14   use the group of RFC 3526 instead of searching for a prime
            --params FILE    load the parameters from FILE (PEM), or make them and keep them there
            --show-secrets   log session keys, packets and plain texts, as the original does
  join    opens the original's screen; lines from standard input when that is no terminal
            --show-secrets   show the session key, as the original does
  mitm    sits between a client and a server on this machine and prints what it reads

Exit status: 0 done, 1 failed, 2 bad usage.
`;

/** Reads the arguments after `parley classic`. Throws `bad-usage` with one sentence. */
export function parseCommand(args: readonly string[]): ClassicCommand {
  const { values, positionals } = parse(args);
  const [verb, ...operands] = positionals;
  if (values.help || verb === "help" || (verb === undefined && Object.keys(values).length === 0)) {
    return { verb: "help" };
  }
  const allow = (...names: string[]) => {
    const stray = Object.keys(values).find((name) => !names.includes(name));
    if (stray !== undefined) throw badUsage(`${verb} takes no --${stray}`);
  };
  const operandCount = verb === "join" ? 1 : 0;
  const port = values.port === undefined ? DEFAULT_PORT : parsePort(values.port);
  const showSecrets = values["show-secrets"] ?? false;
  switch (verb) {
    case "serve":
      allow("host", "port", "group", "params", "show-secrets");
      requireOperands(verb, operands, operandCount);
      return {
        verb,
        host: values.host ?? DEFAULT_HOST,
        port,
        group: parseGroup(values.group, values.params),
        paramsPath: values.params,
        showSecrets,
      };
    case "join":
      allow("port", "show-secrets");
      requireOperands(verb, operands, operandCount);
      return { verb, host: operands[0] as string, port, showSecrets };
    case "mitm":
      allow("listen", "to");
      requireOperands(verb, operands, operandCount);
      return { verb, listen: parseEndpoint("listen", values.listen), to: parseEndpoint("to", values.to) };
    default:
      throw badUsage(verb === undefined ? "serve, join or mitm is missing" : `${verb} is no command`);
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        group: { type: "string" },
        help: { type: "boolean", short: "h" },
        host: { type: "string" },
        listen: { type: "string" },
        params: { type: "string" },
        port: { type: "string" },
        "show-secrets": { type: "boolean" },
        to: { type: "string" },
      },
    });
  } catch (error) {
    throw badUsage((error as Error).message.split(/\.(?:\s|$)/)[0] ?? "the arguments cannot be read", error);
  }
}

function requireOperands(verb: string, operands: readonly string[], count: number): void {
  if (operands.length < count) throw badUsage(`${verb} needs the HOST to connect to`);
  if (operands.length > count) throw badUsage(`${verb} does not take ${operands[count]}`);
}

function parseGroup(group: string | undefined, paramsPath: string | undefined): "generate" | "modp14" {
  if (group !== undefined && group !== "modp14") throw badUsage(`--group knows modp14, not ${group}`);
  if (group !== undefined && paramsPath !== undefined)
    throw badUsage("--group and --params exclude each other");
  return group ?? "generate";
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65535)) throw badUsage(`${text} is no port`);
  return port;
}

function parseEndpoint(option: string, text: string | undefined): Endpoint {
  if (text === undefined) throw badUsage(`mitm needs --${option} [HOST:]PORT`);
  const colon = text.lastIndexOf(":");
  const host = colon === -1 ? DEFAULT_HOST : text.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  return { host, port: parsePort(text.slice(colon + 1)) };
}

function badUsage(what: string, cause?: unknown): ClassicError {
  return new ClassicError("bad-usage", `parley classic: ${what}; see \`parley classic --help\`.`, { cause });
}
