import { describeRelayStore } from "../contract-suite.ts";
import { temporaryStore } from "./temporary-store.ts";

describeRelayStore("SQLite", async () => temporaryStore());
describeRelayStore("SQLite that settles every entry at once", async () =>
  temporaryStore({ maxUnsettledEntries: 0 }),
);
