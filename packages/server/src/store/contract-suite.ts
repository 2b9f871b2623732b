import { afterEach, beforeEach, describe } from "vitest";
import { describeAccounts } from "./suite/accounts.ts";
import { describeCommits } from "./suite/commits.ts";
import type { StoreFactory, StoreUnderTest } from "./suite/fixtures.ts";
import { describeInboxes } from "./suite/inboxes.ts";
import { describeRooms } from "./suite/rooms.ts";
import { describeStocks } from "./suite/stocks.ts";

/** The suite that every driver of {@link RelayStore} passes; `create` makes a fresh store for each test. */
export function describeRelayStore(driver: string, create: StoreFactory): void {
  describe(`relay store on ${driver}`, () => {
    let current: StoreUnderTest;
    beforeEach(async () => {
      current = await create();
    });
    afterEach(() => current.dispose());
    const subject = () => current;
    describeRooms(subject);
    describeCommits(subject);
    describeInboxes(subject);
    describeAccounts(subject);
    describeStocks(subject);
  });
}
