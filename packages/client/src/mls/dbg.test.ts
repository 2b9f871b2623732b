import fc from "fast-check";
import { test } from "vitest";
import { targets, spoiling, spoil } from "./mutants.ts";
test("dbg", async () => {
  for (const [name, t] of Object.entries(await targets(1))) {
    const codes: Record<string, number> = {};
    const t0 = performance.now();
    for (const how of fc.sample(spoiling, 200)) {
      const m = spoil(t.original, how);
      if (Buffer.from(m).equals(t.original)) { codes.same = (codes.same ?? 0) + 1; continue; }
      const r = await t.handle(m).then(() => "accepted", (e) => e.code ?? String(e));
      codes[r] = (codes[r] ?? 0) + 1;
    }
    process.stdout.write(`${name} ${t.original.length} ${JSON.stringify(codes)} ${(performance.now() - t0).toFixed(0)} ms\n`);
  }
});
