import { render } from "ink";
import type { JoinIo } from "./join-program.ts";
import { failureWords } from "./join-program.ts";
import { Screen } from "./screen.tsx";
import type { ClassicSession } from "./session.ts";

/**
 * Runs a session on the whole terminal. Resolves when the user has left, to the words that belong behind the closed
 * screen if the connection never stood. The first Ctrl-C leaves in good order, a second one at once.
 */
export async function runScreen(
  session: ClassicSession,
  { stdin, stdout, stderr }: JoinIo,
  stop: AbortSignal,
): Promise<string | undefined> {
  const over = Promise.withResolvers<string | undefined>();
  let interrupted = false;
  const interrupt = () => {
    if (interrupted) over.resolve(undefined);
    interrupted = true;
    void session.leave().then(() => over.resolve(undefined));
  };
  const app = render(
    <Screen
      transcript={session.transcript}
      onSubmit={(line) => session.submit(line)}
      onInterrupt={interrupt}
    />,
    {
      stdin,
      stdout,
      stderr,
      exitOnCtrlC: false,
      patchConsole: false,
      alternateScreen: true,
      interactive: true,
    },
  );
  stop.addEventListener("abort", interrupt);
  void session.start().then((outcome) => {
    const failure = failureWords(outcome);
    if (failure !== undefined) over.resolve(failure);
  });
  const failure = await over.promise;
  stop.removeEventListener("abort", interrupt);
  app.unmount();
  await app.waitUntilExit();
  await session.close();
  return failure;
}
