import { expect, it } from "vitest";
import { parseSpkiList } from "./spki-list.ts";

it("reads hashes as openssl and sha256sum print them, and says which lines it could not read", () => {
  const hash = "ab".repeat(32);
  const colons = hash.toUpperCase().match(/../g)?.join(":");
  const { hashes, badLines } = parseSpkiList(`# proxy\n${hash}  -\n\n${colons} # second\nabc\n`);
  expect(hashes.map((bytes) => bytes.toHex())).toEqual([hash, hash]);
  expect(badLines).toEqual([5]);
});
