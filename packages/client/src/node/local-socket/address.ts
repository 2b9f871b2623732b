import { createHash } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LocalSocketError } from "./errors.ts";

/** `sun_path` holds 104 bytes on macOS and 108 on Linux, with a zero at the end. */
const MAX_PATH_BYTES = 100;

/**
 * Makes `folder` this user's alone, and says where its socket lies: inside, or, where that path would be too long, in
 * a folder of this user under the machine's temporary one. Equal for every spelling of the same folder.
 * Throws `unsafe-folder` when somebody else owns one of them.
 */
export function prepareSocketPath(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const real = realpathSync(folder);
  const name = createHash("sha256").update(real).digest("hex").slice(0, 24);
  if (process.platform === "win32") return `\\\\.\\pipe\\parley-${name}`;

  makePrivate(real);
  const inside = join(real, "parley.sock");
  if (Buffer.byteLength(inside) <= MAX_PATH_BYTES) return inside;

  const ownFolder = join(tmpdir(), `parley-${process.getuid?.()}`);
  mkdirSync(ownFolder, { recursive: true, mode: 0o700 });
  makePrivate(ownFolder);
  return join(ownFolder, `${name}.sock`);
}

function makePrivate(folder: string): void {
  const stat = lstatSync(folder);
  if (!stat.isDirectory() || stat.uid !== process.getuid?.()) {
    throw new LocalSocketError("unsafe-folder", `${folder} belongs to somebody else`);
  }
  if ((stat.mode & 0o077) !== 0) chmodSync(folder, 0o700);
}
