import { checkPrimeSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MODP14 } from "./group.ts";
import { generateGroup, loadGroup, saveGroup } from "./group-source.ts";

describe("generating parameters", () => {
  test("finds a safe prime for generator 2 in a worker and tells how it goes", async () => {
    const steps: string[] = [];
    const { p, g } = await generateGroup({ bits: 256, onStep: (step) => steps.push(step) });
    expect(g).toBe(2n);
    expect(p.toString(2)).toHaveLength(256);
    expect(p % 24n).toBe(23n);
    expect([checkPrimeSync(p), checkPrimeSync((p - 1n) / 2n)]).toEqual([true, true]);
    expect(steps.at(-1)).toBe("*");
    expect(steps.slice(0, -1).every((step) => step === "." || step === "+")).toBe(true);
  });

  test("leaves the event loop free and stops when told to", async () => {
    const stop = new AbortController();
    const search = generateGroup({ bits: 4096, signal: stop.signal, onStep: () => stop.abort() });
    await expect(search).rejects.toThrow("aborted");
    await expect(generateGroup({ bits: 4096, signal: stop.signal })).rejects.toThrow("aborted");
  });
});

describe("a parameter file", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "classic-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("gives back what was written, in the form of openssl dhparam", async () => {
    const path = join(folder, "group14.pem");
    await saveGroup(path, MODP14);
    expect(await loadGroup(path)).toEqual(MODP14);
    await expect(saveGroup(path, MODP14)).rejects.toThrow("EEXIST");
  });

  test("that is not there is no error", async () => {
    expect(await loadGroup(join(folder, "nothing.pem"))).toBeUndefined();
  });

  test.each([
    ["is no PEM", () => "hello"],
    ["breaks off", () => "-----BEGIN DH PARAMETERS-----\nMIIBCAKC\n-----END DH PARAMETERS-----\n"],
  ])("that %s is refused", async (name, content) => {
    const path = join(folder, `${name}.pem`);
    await writeFile(path, content());
    await expect(loadGroup(path)).rejects.toThrow(expect.objectContaining({ code: "bad-parameter-file" }));
  });

  test.each([
    ["small", { p: 23n, g: 2n }],
    ["composite", { p: MODP14.p - 2n, g: 2n }],
    ["of another generator", { p: MODP14.p, g: 5n }],
  ])("whose group is %s is refused", async (name, group) => {
    const path = join(folder, `${name}.pem`);
    await saveGroup(path, group);
    await expect(loadGroup(path)).rejects.toThrow(expect.objectContaining({ code: "bad-parameter-file" }));
  });
});
