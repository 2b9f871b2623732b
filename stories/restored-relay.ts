import { rename } from "node:fs/promises";
import { join } from "node:path";
import { restoreBackup } from "@parley/server";
import type { World } from "./world.ts";

/** The relay's disk is lost, and a backup put back in its place. */
export async function replaceRelay(world: World, from: string): Promise<void> {
  const dataFolder = join(world.folder, "relay");
  await world.restartRelayAfter(async () => {
    await rename(dataFolder, join(world.folder, `lost-${Date.now()}`));
    await restoreBackup({ from, dataFolder, nowMs: Date.now() });
  });
}
