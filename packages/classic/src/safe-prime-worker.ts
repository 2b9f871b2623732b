import { parentPort, workerData } from "node:worker_threads";
import { findSafePrime } from "./safe-prime.ts";

/** What the worker is told, and what it says: steps while it searches, then the prime. */
export interface SearchOrder {
  readonly bits: number;
}
export type SearchReport = { readonly step: string } | { readonly prime: bigint };

const { bits } = workerData as SearchOrder;
const prime = findSafePrime(bits, (step) => parentPort?.postMessage({ step } satisfies SearchReport));
parentPort?.postMessage({ prime } satisfies SearchReport);
