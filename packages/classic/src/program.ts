import type { Readable, Writable } from "node:stream";
import type { ClassicCommand } from "./arguments.ts";
import { parseCommand, USAGE } from "./arguments.ts";
import { ClassicError } from "./errors.ts";
import { join } from "./join-program.ts";
import { ManInTheMiddle } from "./man-in-the-middle.ts";
import { serve } from "./serve-program.ts";
import { cleanText } from "./wire-text.ts";

/** What a program of this package may touch. */
export interface ClassicIo {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable;
  /** Ends the program in good order. Without it SIGINT and SIGTERM of the process do. */
  readonly signal?: AbortSignal;
  /** For the times in front of chat lines. */
  readonly now?: () => Date;
}

/**
 * Runs `parley classic` with the arguments behind these two words and resolves to the exit status: 0 done, 1 failed,
 * 2 bad usage. Failures are one sentence on `stderr`; only "Connection Refused" and "Connection Failed" stand on
 * `stdout`, where the original puts them.
 */
export async function runClassic(args: readonly string[], io: ClassicIo): Promise<number> {
  const processStop = io.signal === undefined ? stopOnProcessSignals() : undefined;
  const stop = io.signal ?? (processStop as ProcessStop).signal;
  try {
    return await run(parseCommand(args), io, stop);
  } catch (error) {
    if (!(error instanceof ClassicError)) throw error;
    io.stderr.write(`${cleanText(error.message)}\n`);
    return error.code === "bad-usage" || error.code === "not-loopback" ? 2 : 1;
  } finally {
    processStop?.dispose();
  }
}

function run(command: ClassicCommand, io: ClassicIo, stop: AbortSignal): Promise<number> | number {
  switch (command.verb) {
    case "help":
      io.stdout.write(USAGE);
      return 0;
    case "serve":
      return serve(command, io, stop);
    case "join":
      return join(command, io, stop);
    case "mitm":
      return demonstrate(command, io, stop);
  }
}

type MitmCommand = Extract<ClassicCommand, { verb: "mitm" }>;

async function demonstrate({ listen, to }: MitmCommand, io: ClassicIo, stop: AbortSignal): Promise<number> {
  const print = (line: string) => void io.stdout.write(`${line}\n`);
  await using attack = await ManInTheMiddle.start({ listen, to, print });
  print(
    `In the middle: clients of ${listen.host}:${attack.port} talk to ${to.host}:${to.port} through here.`,
  );
  await aborted(stop);
  return 0;
}

/** Resolves when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

interface ProcessStop {
  readonly signal: AbortSignal;
  dispose(): void;
}

function stopOnProcessSignals(): ProcessStop {
  const stop = new AbortController();
  const abort = () => stop.abort();
  process.on("SIGINT", abort).on("SIGTERM", abort);
  return {
    signal: stop.signal,
    dispose() {
      process.off("SIGINT", abort).off("SIGTERM", abort);
    },
  };
}
