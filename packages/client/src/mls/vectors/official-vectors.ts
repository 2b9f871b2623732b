import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CiphersuiteImpl, ClientConfig } from "ts-mls";
import { test } from "vitest";
import type { Suite } from "../engine-types.ts";
import { nodeCrypto } from "../node.ts";
import { clientConfig } from "../profile.ts";

// The vectors of the MLS working group (mlswg/mls-implementations, test-vectors.md) lie beside the repository: 10 MB
// that a clone needn't carry. They test ts-mls with our primitives, in the suites that are ours (1 and 3).

const FOLDER = join(import.meta.dirname, "../../../../../../shared/mls-vectors");

export const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
export const hex = (value: Uint8Array): string => Buffer.from(value).toString("hex");

/** Accepts every credential, as the vectors' are made up. */
export const VECTOR_CONFIG: ClientConfig = clientConfig({ validateCredential: async () => true });

/** Defines one test for all vectors of a file that concern us; when the folder is absent, one that says so. */
export function testVectors<Vector>(
  file: string,
  check: (vector: Vector, suite: CiphersuiteImpl) => Promise<void> | void,
): void {
  const path = join(FOLDER, `${file}.json`);
  if (!existsSync(path)) {
    test(`LEFT OUT: official vectors ${file}, as ../shared/mls-vectors is absent`, () => undefined);
    return;
  }
  const all = JSON.parse(readFileSync(path, "utf8")) as (Vector & { readonly cipher_suite?: number })[];
  const ours = all.filter(({ cipher_suite: suite }) => suite === undefined || suite === 1 || suite === 3);
  test(`official vectors: ${ours.length} of ${file}`, async () => {
    for (const vector of ours) await check(vector, nodeCrypto((vector.cipher_suite ?? 1) as Suite));
  });
}
