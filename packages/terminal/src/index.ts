/** The `parley` command. Its face is the command line; what is exported here is for a program that embeds it. */

export type { Environment } from "./environment.ts";
export { readEnvironment } from "./environment.ts";
export type { ExitCode } from "./exit-codes.ts";
export { EXIT_CODES } from "./exit-codes.ts";
export type { ProgramOptions } from "./program.ts";
export { runProgram } from "./program.ts";
export { Streams } from "./streams.ts";
