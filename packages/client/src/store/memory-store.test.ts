import { clientStoreSuite } from "./client-store-suite.ts";
import { MemoryStore } from "./memory-store.ts";

clientStoreSuite(() => new MemoryStore());
