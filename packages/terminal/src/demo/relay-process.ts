import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A relay as anybody would start it: `parley serve` in a process of its own. */
export class RelayProcess implements AsyncDisposable {
  readonly port: number;
  readonly code: string;
  /** The link for the first person. */
  readonly firstLink: string;
  readonly folder: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, folder: string, told: string) {
    this.#child = child;
    this.folder = folder;
    this.port = Number(/relay at [^\s:]+:(\d+)/.exec(told)?.[1]);
    this.code = /Server code\s+([\d ]+\d)/.exec(told)?.[1] ?? "";
    this.firstLink = /https:\S+/.exec(told)?.[0] ?? "";
  }

  static async start(program: string, folder: string): Promise<RelayProcess> {
    const args = ["serve", "--yes", "--listen", "127.0.0.1:0", "--data", folder];
    const child = fork(program, args, { stdio: ["ignore", "pipe", "ignore", "ipc"] });
    let told = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      told += chunk.toString("utf8");
    });
    const ready = Promise.withResolvers<void>();
    child.once("message", () => ready.resolve());
    child.once("exit", () => ready.reject(new Error("The relay did not start")));
    await ready.promise;
    return new RelayProcess(child, folder, told);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await ended;
  }
}

/** Where one of `texts` stands in a file below `folder`, in UTF-8 or UTF-16; undefined when none does. */
export async function findInFiles(
  folder: string,
  texts: readonly string[],
): Promise<{ readonly files: number; readonly bytes: number; readonly found: string | undefined }> {
  let [files, bytes] = [0, 0];
  let found: string | undefined;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const content = await readFile(file);
    files += 1;
    bytes += content.length;
    for (const text of texts) {
      if (content.includes(text, 0, "utf8") || content.includes(text, 0, "utf16le"))
        found = `"${text}" in ${entry.name}`;
    }
  }
  return { files, bytes, found };
}
