import { PassThrough } from "node:stream";
import { readEnvironment } from "../packages/terminal/src/environment.ts";
import { passwordSource } from "../packages/terminal/src/password-source.ts";
import type { VerbContext } from "../packages/terminal/src/program.ts";
import { Streams } from "../packages/terminal/src/streams.ts";

/** What a verb gets when it is called with `folder`, and what it has printed since the last look. */
export function verbContext(folder: string): { readonly context: VerbContext; readonly out: () => string } {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const given = { stdin, stdout, stderr } as unknown as ConstructorParameters<typeof Streams>[0];
  const streams = new Streams(given);
  const context = {
    folder,
    password: passwordSource(streams, undefined),
    environment: readEnvironment({ PARLEY_HOME: folder }),
    streams,
    signal: new AbortController().signal,
  };
  let written = "";
  for (const stream of [stdout, stderr]) stream.on("data", (chunk: Buffer) => (written += chunk.toString()));
  const out = () => {
    const text = written;
    written = "";
    return text;
  };
  return { context, out };
}
