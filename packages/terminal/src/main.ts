import { readEnvironment } from "./environment.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { runProgram } from "./program.ts";
import { endOnBrokenPipe, Streams } from "./streams.ts";

const streams = new Streams(process);
const stopping = new AbortController();

endOnBrokenPipe(process.stdout);
endOnBrokenPipe(process.stderr);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stopping.abort());
for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (error: unknown) => void endOnFault(error));
}

const args = process.argv.slice(2);
const exitCode = await runProgram({ args, environment: readEnvironment(), streams, signal: stopping.signal });
await new Promise<void>((resolve) => process.stdout.write("", () => resolve()));
process.exit(exitCode);

async function endOnFault(error: unknown): Promise<never> {
  const { tell } = await import("./failure.ts");
  // Listeners of `exit` give the terminal back; what is printed before that is lost with the alternate buffer.
  process.once("exit", () => streams.warn(`parley: ${tell(error).text}`));
  process.exit(EXIT_CODES.failure);
}
