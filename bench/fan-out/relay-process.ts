// The relay under load, alone in its process. Prints its URL, and for each line of input the memory it holds in bytes;
// ends with its input.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRelay } from "../../packages/server/src/index.ts";

const BOUNDLESS = { burst: 1e12, perSecond: 1e12 };

const dataFolder = mkdtempSync(join(tmpdir(), "parley-bench-"));
const relay = await startRelay({
  dataFolder,
  registration: "open",
  tls: process.argv[2] === "tls" ? { kind: "self-signed" } : { kind: "off" },
  onNewIdentity: () => {},
  log: { level: "error" },
  limits: {
    connectionsPerAddress: 100_000,
    strangersPerAddress: 100_000,
    loginMs: 120_000,
    attemptsPerAddress: BOUNDLESS,
    requestsPerDevice: BOUNDLESS,
    requestsPerAddress: BOUNDLESS,
  },
});
console.log(relay.url);
process.stdin.on("data", () => {
  globalThis.gc?.();
  console.log(process.memoryUsage.rss());
});
process.stdin.on("end", async () => {
  await relay.close();
  rmSync(dataFolder, { recursive: true, force: true });
  process.exit(0);
});
