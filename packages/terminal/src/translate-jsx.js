// Development only: Node strips types from .ts by itself but does not translate JSX, so .tsx goes through esbuild.
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";

registerHooks({
  load(url, context, nextLoad) {
    if (!url.endsWith(".tsx")) return nextLoad(url, context);
    const source = readFileSync(fileURLToPath(url), "utf8");
    const { code } = transformSync(source, {
      loader: "tsx",
      jsx: "automatic",
      target: "node26",
      sourcemap: "inline",
    });
    return { format: "module", source: code, shortCircuit: true };
  },
});
