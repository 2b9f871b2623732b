import { checkPrimeSync } from "node:crypto";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { findSafePrime } from "./safe-prime.ts";
import type { SearchReport } from "./safe-prime-worker.ts";

test.each([64, 96, 128, 200])("finds a safe prime of %i bits with 2 in its large subgroup", (bits) => {
  const steps: string[] = [];
  const p = findSafePrime(bits, (step) => steps.push(step));
  expect(p.toString(2)).toHaveLength(bits);
  expect(p.toString(2).slice(0, 2)).toBe("11");
  expect([checkPrimeSync(p), checkPrimeSync((p - 1n) / 2n)]).toEqual([true, true]);
  expect(p % 24n).toBe(23n);
  expect(steps.filter((step) => step === "*")).toEqual(["*"]);
});

test("finds another one each time", () => {
  const primes = Array.from({ length: 5 }, () => findSafePrime(96, () => {}));
  expect(new Set(primes).size).toBe(5);
});

test("the worker reports its steps, then the prime", async () => {
  const worker = new Worker(new URL("./safe-prime-worker.ts", import.meta.url), {
    workerData: { bits: 128 },
  });
  const reports: SearchReport[] = [];
  worker.on("message", (report: SearchReport) => reports.push(report));
  expect(await once(worker, "exit")).toEqual([0]);
  const last = reports.at(-1);
  expect(last).toEqual({ prime: expect.any(BigInt) });
  expect(reports.slice(0, -1).at(-1)).toEqual({ step: "*" });
});
