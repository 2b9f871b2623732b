import { readFileSync } from "node:fs";

/** The vectors of `vectors/tlog/<name>.json`. For tests only. */
export function readVectors<T>(name: string): T {
  return JSON.parse(
    readFileSync(new URL(`../../../../vectors/tlog/${name}.json`, import.meta.url), "utf8"),
  ) as T;
}
