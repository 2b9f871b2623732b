import type { PersonTrust } from "@parley/client";
import { systemClock } from "@parley/client";
import { expect, test } from "vitest";
import type { Person } from "./world.ts";
import { lines, roomOf, sees, until, World } from "./world.ts";

const HOUR_MS = 60 * 60 * 1000;

/** The machine's clock, that a test can put forward. */
class AdvancedClock {
  #aheadMs = 0;

  nowMs(): number {
    return systemClock.nowMs() + this.#aheadMs;
  }

  setTimer(delayMs: number, run: () => void): () => void {
    return systemClock.setTimer(delayMs, run);
  }

  advance(ms: number): void {
    this.#aheadMs += ms;
  }
}

/** One person reads the digits out, the other types them in. */
async function checks(person: Person, other: Person): Promise<void> {
  const digits = await other.chat.people().safetyNumber(person.name);
  expect(await person.chat.people().checkNumber(other.name, digits)).toBe(true);
}

function trustIn(person: Person, other: string): Promise<PersonTrust> {
  return person.chat.people().explain(other);
}

async function introducedTo(person: Person, other: string): Promise<string | undefined> {
  return (await trustIn(person, other)).why.find((why) => why.startsWith("introduced by"));
}

/** Cy has checked Ana and Bo and lets them introduce people; they have checked Dee. All four are in one room. */
async function circle(world: World, cyClock = systemClock) {
  const [ana, bo, dee] = [await world.person("ana"), await world.person("bo"), await world.person("dee")];
  world.clock = cyClock;
  const cy = await world.person("cy");
  const room = await roomOf(ana, "garden", [bo, cy, dee]);
  for (const introducer of [ana, bo]) {
    await checks(cy, introducer);
    await checks(introducer, dee);
    await cy.chat.people().setIntroducer(introducer.name, true);
  }
  return { ana, bo, cy, dee, room };
}

test("two introducers whom somebody has checked introduce a third person, until one takes it back", async () => {
  await using world = await World.start();
  const { ana, bo, cy, room } = await circle(world);

  await ana.chat.people().vouch("dee", { room });
  await sees(cy, room, "* ana has checked dee and vouches for them");
  expect(await introducedTo(cy, "dee")).toBeUndefined();
  expect((await trustIn(cy, "dee")).why.join("; ")).toContain("vouched for by ana (by number, ");

  await bo.chat.people().vouch("dee", { room });
  await sees(cy, room, "* bo has checked dee and vouches for them");
  expect(await introducedTo(cy, "dee")).toMatch(/^introduced by (ana|bo) \(by number, \w+\) and (ana|bo) /);
  expect((await trustIn(cy, "dee")).state).toBe("known");
  const dee = cy.chat.members(room).find(({ name }) => name === "dee");
  expect(dee?.checked).toBe("");

  await world.reopen(cy);
  expect(await introducedTo(cy, "dee")).toMatch(/^introduced by/);
  await ana.chat.people().endVouch("dee");
  await sees(cy, room, "* ana no longer vouches for dee");
  expect(await introducedTo(cy, "dee")).toBeUndefined();
});

test("a vouch counts only while its issuer is checked and named, and nobody else's counts", async () => {
  await using world = await World.start();
  const { ana, bo, cy, dee, room } = await circle(world);
  await ana.chat.people().vouch("dee", { room });
  await bo.chat.people().vouch("dee", { room });
  await sees(cy, room, "* bo has checked dee and vouches for them");
  await sees(cy, room, "* ana has checked dee and vouches for them");
  // Dee has named nobody.
  await checks(dee, ana);
  await until(dee, "dee has heard", () => lines(dee, room).join().includes("bo has checked dee"));
  expect(await introducedTo(dee, "bo")).toBeUndefined();

  await cy.chat.people().setIntroducer("bo", false);
  expect(await introducedTo(cy, "dee")).toBeUndefined();
  await cy.chat.people().setIntroducer("bo", true);
  expect(await introducedTo(cy, "dee")).toMatch(/^introduced by/);
  await cy.chat.people().forget("ana");
  expect(await introducedTo(cy, "dee")).toBeUndefined();
});

test("nobody vouches for whom they have not checked themselves, or names an introducer they have not checked", async () => {
  await using world = await World.start();
  const { ana, bo, cy, room } = await circle(world);
  await ana.chat.people().vouch("dee", { room });
  await bo.chat.people().vouch("dee", { room });
  await sees(cy, room, "* bo has checked dee and vouches for them");
  await expect(cy.chat.people().vouch("dee", { room })).rejects.toMatchObject({ code: "not-allowed" });
  await expect(cy.chat.people().setIntroducer("dee", true)).rejects.toMatchObject({ code: "not-allowed" });
});

test("a vouch is over when its time is", async () => {
  await using world = await World.start();
  const clock = new AdvancedClock();
  const { ana, bo, cy, room } = await circle(world, clock);
  await ana.chat.people().vouch("dee", { room, lifetimeMs: HOUR_MS });
  await bo.chat.people().vouch("dee", { room, lifetimeMs: 3 * HOUR_MS });
  await sees(cy, room, "* ana has checked dee and vouches for them");
  await sees(cy, room, "* bo has checked dee and vouches for them");
  expect(await introducedTo(cy, "dee")).toMatch(/^introduced by/);
  clock.advance(HOUR_MS / 2);
  expect(await introducedTo(cy, "dee")).toMatch(/^introduced by/);
  clock.advance(HOUR_MS / 2 + 1000);
  expect(await introducedTo(cy, "dee")).toBeUndefined();
});
