import { ChatError } from "@parley/client";
import { describe, expect, it } from "vitest";
import { StoreError } from "../packages/client/src/store/client-store.ts";
import type { StoreFault } from "./faulty-store.ts";
import { FaultyStore } from "./faulty-store.ts";
import type { Person } from "./world.ts";
import { connected, lines, until, World } from "./world.ts";

/** What ana does; a step that fails tells her so, and she does it again. */
async function tell(ana: Person, bo: Person): Promise<string> {
  const again = async <T>(step: () => Promise<T>): Promise<T> => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await step();
      } catch (error) {
        if (attempt > 2) throw error;
        // A fault while connecting ends the connection: the next one comes by itself.
        if (error instanceof ChatError && error.retryable) await connected(ana);
      }
    }
  };
  const room = await again(() => ana.chat.createRoom("garden"));
  await again(() => ana.chat.invite(room, ["bo"]).catch(alreadyThere));
  await until(bo, "invited", (chat) => chat.snapshot().invitations.length > 0);
  await bo.chat.acceptInvitation(bo.chat.snapshot().invitations[0]?.id ?? "");
  for (let n = 0; n < 3; n++) await again(() => ana.chat.send(room, `ana ${n}`));
  await bo.chat.send(room, "bo 0");
  await again(() => ana.chat.renameRoom(room, "orchard"));
  for (let n = 3; n < 5; n++) await again(() => ana.chat.send(room, `ana ${n}`));
  return room;
}

/** A step that failed after its effect was stored finds the effect there. */
function alreadyThere(error: unknown): void {
  if (!(error instanceof Error) || !error.message.includes("already in this room")) throw error;
}

async function storyWithFault(nth: number, fault: StoreFault): Promise<{ writes: number }> {
  await using world = await World.start();
  const bo = await world.person("bo");
  let store: FaultyStore | undefined;
  world.wrapStore = (inner) => {
    store = new FaultyStore(inner);
    return store;
  };
  const ana = await world.person("ana");
  if (!store) throw new Error("ana has no store");
  store.fault = fault;
  store.failIn = nth;
  store.writes = 0;
  const promised: string[] = [];
  const send = ana.chat.send.bind(ana.chat);
  ana.chat.send = async (room, text) => {
    const id = await send(room, text);
    promised.push(text);
    return id;
  };
  const room = await tell(ana, bo);
  if (nth === 0) await until(ana, "all is sent", (chat) => chat.snapshot().queued === 0);
  const { writes } = store;
  await world.reopen(ana);
  await connected(ana);
  await until(ana, "all is sent", (chat) => chat.snapshot().queued === 0);
  await ana.chat.send(room, "the end");
  const said = (person: Person) => lines(person, room).filter((line) => /^(ana|bo): /.test(line));
  await until(bo, "the end is here", () => said(bo).includes("ana: the end"));
  await until(
    ana,
    "the end is here",
    () => said(ana).includes("ana: the end") && ana.chat.snapshot().queued === 0,
  );
  expect(said(ana).sort(), lines(ana, room).join("\n")).toEqual(said(bo).sort());
  for (const text of promised) expect(said(bo).filter((line) => line === `ana: ${text}`)).toHaveLength(1);
  expect(ana.chat.snapshot().rooms.filter(({ id }) => id === room)).toMatchObject([
    { state: "active", memberCount: 2 },
  ]);
  world.faults.splice(
    0,
    world.faults.length,
    ...world.faults.filter((error) => !(error instanceof StoreError)),
  );
  return { writes };
}

describe.each(["fails-and-loses", "fails-but-persists"] as const)(
  "a write of the client's store %s",
  (fault) => {
    it("at any moment: nothing that was promised is lost, nothing stands twice, the room goes on", async () => {
      const { writes } = await storyWithFault(0, fault);
      expect(writes).toBeGreaterThan(20);
      for (let nth = 1; nth <= writes; nth += 1) {
        await storyWithFault(nth, fault).catch((error: unknown) => {
          throw new Error(`with a fault at write ${nth} of ${writes}: ${error}`, { cause: error });
        });
      }
    }, 120_000);
  },
);
