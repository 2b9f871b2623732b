// A relay as it is run, over TLS and with fsync, but for its limits on load. Sends its parent COUNT invite links.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRelay } from "@parley/server";
import { formatInviteLink } from "@parley/trust";

const BOUNDLESS = { burst: 1e12, perSecond: 1e12 };

const count = Number(process.argv[2]);
const dataFolder = mkdtempSync(join(tmpdir(), "parley-bench-"));
const relay = await startRelay({
  dataFolder,
  onNewIdentity: () => {},
  log: { level: "error" },
  limits: {
    attemptsPerAddress: BOUNDLESS,
    requestsPerDevice: BOUNDLESS,
    requestsPerAddress: BOUNDLESS,
  },
});
const { serverId, address } = relay;
const links: string[] = [];
for (let n = 0; n < count; n++) {
  const invite = await relay.createOperatorInvite({ uses: 1, ttlMs: 3_600_000 });
  const unsaid = { inviter: undefined, room: undefined, checkpoint: undefined };
  links.push(formatInviteLink({ ...address, serverId, ...invite, ...unsaid }));
}
process.send?.(links);
process.once("disconnect", async () => {
  await relay.close();
  rmSync(dataFolder, { recursive: true, force: true });
  process.exit(0);
});
