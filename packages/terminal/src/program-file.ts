import { fileURLToPath } from "node:url";

/** The `parley` command itself, for starting it again as another process. As far from `src/` as from the bundle in `dist/`. */
export const PROGRAM_FILE = fileURLToPath(new URL("../bin/parley.js", import.meta.url));
