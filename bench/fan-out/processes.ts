import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { buildSync } from "esbuild";

const CLOCK_TICKS_PER_S = 100;

/** Where a program is on PATH, if it is. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** A child process and its output, line by line. */
export interface Worker {
  readonly child: ChildProcess;
  /** Rejects when the process ends before it says another line. */
  nextLine(): Promise<string>;
  /** CPU time used so far, where the system tells. */
  cpuSeconds(): number;
  stop(): Promise<void>;
}

/** Starts a process on one core of its own, where the system can pin it. */
export function startWorker(command: readonly string[], core: number): Worker {
  const pin = findProgram("taskset") && availableParallelism() > core ? ["taskset", "-c", `${core}`] : [];
  const [program, ...args] = [...pin, ...command] as [string, ...string[]];
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines: string[] = [];
  const waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    const next = waiting.shift();
    if (next) next.resolve(line);
    else lines.push(line);
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  void ended.then(() => {
    for (const { reject } of waiting) reject(new Error(`${command.join(" ")} ended`));
  });
  return {
    child,
    nextLine() {
      const line = lines.shift();
      return line === undefined
        ? new Promise((resolve, reject) => waiting.push({ resolve, reject }))
        : Promise.resolve(line);
    },
    cpuSeconds() {
      const stat = `/proc/${child.pid}/stat`;
      if (!existsSync(stat)) return Number.NaN;
      const fields = readFileSync(stat, "utf8").split(") ")[1]?.split(" ") ?? [];
      return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_S;
    },
    async stop() {
      child.stdin?.end();
      if (command[0] !== process.execPath) child.kill();
      await ended;
    },
  };
}

/** Starts a TypeScript file of this folder. */
export function startScript(file: string, args: readonly string[], core: number): Worker {
  return startWorker([process.execPath, join(import.meta.dirname, file), ...args], core);
}

/** Starts a TypeScript file of this folder as it would be published: one file, so that no compiler sits in memory. */
export function startBundle(file: string, args: readonly string[], core: number): Worker {
  const folder = mkdtempSync(join(tmpdir(), "parley-bundle-"));
  const outfile = join(folder, "bundle.mjs");
  buildSync({
    entryPoints: [join(import.meta.dirname, file)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "error",
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  const worker = startWorker([process.execPath, "--expose-gc", outfile, ...args], core);
  worker.child.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return worker;
}
