import { readFile, writeFile } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { ClassicError } from "./errors.ts";
import type { DhGroup } from "./group.ts";
import { bitLength } from "./group.ts";
import { ServerKeyExchange } from "./key-exchange.ts";
import { toBytes, unpackNumber } from "./numbers.ts";
import type { SearchOrder, SearchReport } from "./safe-prime-worker.ts";

/** Size of the modulus, in bits. */
export const GROUP_BITS = 2048;

const GENERATOR = 2n;

export interface GenerateGroupOptions {
  /** Default GROUP_BITS. */
  readonly bits?: number;
  /** Hears each step of the search: "." for a candidate that is no prime, "+" for half a find, "*" at the end. */
  readonly onStep?: (step: string) => void;
  /** Aborting it ends the search at once; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Makes Diffie–Hellman parameters of its own: a random safe prime and generator 2, searched for in a worker. */
export function generateGroup({ bits = GROUP_BITS, onStep, signal }: GenerateGroupOptions): Promise<DhGroup> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    // The worker lies beside this file under the same ending: .ts in the repository, .js when built.
    const program = new URL(
      `./safe-prime-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`,
      import.meta.url,
    );
    const worker = new Worker(program, { workerData: { bits } satisfies SearchOrder });
    const onAbort = () => {
      reject(signal?.reason);
      void worker.terminate();
    };
    signal?.addEventListener("abort", onAbort);
    worker.on("message", (report: SearchReport) => {
      if ("step" in report) onStep?.(report.step);
      else resolve({ p: report.prime, g: GENERATOR });
    });
    worker.on("error", reject);
    worker.on("exit", () => signal?.removeEventListener("abort", onAbort));
  });
}

/**
 * Reads PEM "DH PARAMETERS" (PKCS #3), as `openssl dhparam` writes them. Throws `bad-parameter-file` unless they are
 * a safe prime of at least GROUP_BITS bits and generator 2; undefined when there is no such file.
 */
export async function loadGroup(path: string): Promise<DhGroup | undefined> {
  let pem: string;
  try {
    pem = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new ClassicError("bad-parameter-file", `Cannot read ${path}.`, { cause: error });
  }
  const group = decodeGroup(pem);
  if (
    group === undefined ||
    bitLength(group.p) < GROUP_BITS ||
    group.g !== GENERATOR ||
    !new ServerKeyExchange(group).hasSafePrime
  ) {
    throw new ClassicError(
      "bad-parameter-file",
      `${path} does not hold DH parameters of a safe prime of ${GROUP_BITS} bits and generator 2.`,
    );
  }
  return group;
}

/** Writes parameters for `loadGroup`. They are public; the file is not secret. Refuses to replace a file. */
export async function saveGroup(path: string, group: DhGroup): Promise<void> {
  const numbers = Buffer.concat([derInteger(group.p), derInteger(group.g)]);
  const body =
    derElement(0x30, numbers)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  const pem = ["-----BEGIN DH PARAMETERS-----", ...body, "-----END DH PARAMETERS-----", ""].join("\n");
  await writeFile(path, pem, { flag: "wx" });
}

function decodeGroup(pem: string): DhGroup | undefined {
  const body = /-----BEGIN DH PARAMETERS-----([A-Za-z0-9+/=\s]+)-----END DH PARAMETERS-----/.exec(pem)?.[1];
  if (body === undefined) return undefined;
  const sequence = readElement(Buffer.from(body, "base64"), 0x30);
  const p = sequence && readElement(sequence.content, 0x02);
  const g = p && readElement(p.rest, 0x02);
  return g && { p: unpackNumber(p.content), g: unpackNumber(g.content) };
}

function readElement(der: Uint8Array, tag: number): { content: Uint8Array; rest: Uint8Array } | undefined {
  const first = der[1];
  if (der[0] !== tag || first === undefined) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (lengthBytes > 2) return undefined;
  const start = 2 + lengthBytes;
  const end = start + (lengthBytes === 0 ? first : Number(unpackNumber(der.subarray(2, start))));
  return end > der.length ? undefined : { content: der.subarray(start, end), rest: der.subarray(end) };
}

function derInteger(value: bigint): Buffer {
  const bytes = toBytes(value);
  return derElement(0x02, (bytes[0] ?? 0) < 0x80 ? bytes : Buffer.concat([new Uint8Array(1), bytes]));
}

function derElement(tag: number, content: Uint8Array): Buffer {
  const lengthBytes = content.length < 0x80 ? Buffer.alloc(0) : toBytes(BigInt(content.length));
  const length = lengthBytes.length === 0 ? [content.length] : [0x80 | lengthBytes.length, ...lengthBytes];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}
