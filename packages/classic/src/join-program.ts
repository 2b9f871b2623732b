import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { ClassicCommand } from "./arguments.ts";
import type { StartOutcome } from "./session.ts";
import { ClassicSession } from "./session.ts";

type JoinCommand = Extract<ClassicCommand, { verb: "join" }>;

/** What joining touches. */
export interface JoinIo {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable;
  readonly now?: () => Date;
}

/** Runs the client: on the original's screen, or line by line when input or output is no terminal. */
export async function join(command: JoinCommand, io: JoinIo, stop: AbortSignal): Promise<number> {
  const session = new ClassicSession({
    host: command.host,
    port: command.port,
    showSecrets: command.showSecrets,
    ...(io.now === undefined ? {} : { now: io.now }),
  });
  if (!io.stdin.isTTY || !io.stdout.isTTY) return joinByLines(session, io, stop);
  // The screen is loaded when it is needed: Ink and React cost a relay nothing, and .tsx needs translating.
  const { runScreen } = await import("./screen-program.tsx");
  const outcome = await runScreen(session, io, stop);
  if (outcome !== undefined) io.stdout.write(`${outcome}\n`);
  return outcome === undefined ? 0 : 1;
}

/** The original's words for a connection that never stood; undefined for every other outcome. */
export function failureWords(outcome: StartOutcome): string | undefined {
  if (outcome === "refused") return "Connection Refused";
  return outcome === "failed" ? "Connection Failed" : undefined;
}

/** Chat lines to `stdout`, typed lines from `stdin`; the end of input leaves. */
async function joinByLines(session: ClassicSession, io: JoinIo, stop: AbortSignal): Promise<number> {
  const { transcript } = session;
  const print = (line: string) => void io.stdout.write(`${line}\n`);
  for (const { text } of transcript.lines) print(text);
  transcript.subscribe(() => print(transcript.lines.at(-1)?.text ?? ""));
  let leaving: Promise<void> | undefined;
  const leave = () => {
    leaving ??= session.leave();
  };
  stop.addEventListener("abort", leave);
  const outcome = await session.start();
  const failure = failureWords(outcome);
  if (failure !== undefined) print(failure);
  if (outcome !== "established") return outcome === "left" ? 0 : 1;
  const input = createInterface({ input: io.stdin });
  input.on("line", (line) => session.submit(line));
  input.on("close", leave);
  if (stop.aborted) leave();
  await session.ended;
  stop.removeEventListener("abort", leave);
  const left = leaving !== undefined;
  input.close();
  await leaving;
  return left ? 0 : 1;
}
