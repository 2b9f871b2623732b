import type { Clock } from "@parley/client";
import { systemClock } from "@parley/client";
import { expect, test } from "vitest";
import { StoryWitness, signed, trustFile } from "./story-witness.ts";
import { connected, roomOf, until, World } from "./world.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** The machine's clock, which a test sets forward for everybody but the witness. */
class ForwardClock implements Clock {
  #aheadMs = 0;
  readonly setTimer = systemClock.setTimer;

  nowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  after(delayMs: number, task: () => void): () => void {
    return this.setTimer(delayMs, task);
  }

  forward(ms: number): void {
    this.#aheadMs += ms;
  }
}

/** Ana, with one witness, and people whom she has not met. */
async function withWitness({ unsafeTestingIgnoreWitnesses = false, skewMs = 0 } = {}) {
  const stack = new AsyncDisposableStack();
  const clock = new ForwardClock();
  const witness = stack.use(await StoryWitness.start("ann.example/w"));
  witness.skewMs = skewMs;
  const world = stack.use(await World.start({ witnesses: [witness.address()], clock }));
  witness.know(world.relay.logKey);
  world.clock = clock;
  world.unsafeTestingIgnoreWitnesses = unsafeTestingIgnoreWitnesses;
  const ana = await world.person("ana");
  await ana.chat.policy().addTrustFile(await trustFile([witness]), []);
  const bo = await world.person("bo");
  const cyd = await world.person("cyd");
  return { witness, clock, world, ana, bo, cyd, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** What ana is told when she adds cyd to a room. */
const STALE = {
  code: "held-back",
  message: "cyd has to wait: your witnesses (1 of 1) last signed this server's log 8 days ago",
};

test("T12: a log that stands still for eight days lets in nobody new, and lets people in again when it moves", async () => {
  await using story = await withWitness();
  const { witness, clock, world, ana, bo } = story;
  await signed(ana);
  const room = await roomOf(ana, "garden", [bo]);
  expect(ana.chat.snapshot().warnings).toEqual([]);

  clock.forward(2 * DAY_MS);
  await ana.chat.log().sync();
  expect(ana.chat.snapshot().warnings).toEqual([
    "your witnesses (1 of 1) last signed this server's log 2 days ago",
  ]);

  clock.forward(6 * DAY_MS);
  await ana.chat.log().sync();
  expect(ana.chat.snapshot().warnings).toEqual([
    "your witnesses (1 of 1) last signed this server's log 8 days ago: nobody new can be added until they do",
  ]);
  await expect(ana.chat.invite(room, ["cyd"])).rejects.toMatchObject(STALE);
  expect(ana.chat.snapshot().alarms).toEqual([]);
  await ana.chat.send(room, "we go on");
  await ana.chat.invite(await ana.chat.createRoom("orchard"), ["bo"]);

  witness.skewMs = 8 * DAY_MS;
  await world.restartRelay();
  await connected(ana);
  await until(ana, "all is well", (chat) => chat.snapshot().warnings.length === 0);
  await ana.chat.invite(room, ["cyd"]);
});

test("T12 without the witnesses: a log that stands still is as good as any", async () => {
  await using story = await withWitness({ unsafeTestingIgnoreWitnesses: true });
  const { clock, ana } = story;
  await signed(ana);
  clock.forward(8 * DAY_MS);
  await ana.chat.invite(await ana.chat.createRoom("garden"), ["cyd"]);
});

test.each([
  { time: "in ten minutes", skewMs: 10 * MINUTE_MS, why: "have not signed this server's log as you see it" },
  { time: "eight days ago", skewMs: -8 * DAY_MS, why: "last signed this server's log 8 days ago" },
])("T14: a cosignature made $time, by a thief of the key, opens nothing", async ({ skewMs, why }) => {
  await using story = await withWitness({ skewMs });
  const { ana } = story;
  const shown = async () => {
    await ana.chat.log().sync();
    return new TextDecoder().decode(ana.chat.log().checkpoint());
  };
  await expect.poll(shown).toContain("ann.example/w");
  const message = `bo has to wait: your witnesses (1 of 1) ${why}`;
  await expect(ana.chat.openDirect("bo")).rejects.toMatchObject({ code: "held-back", message });
});

test("T14 without the witnesses: their time is nobody's business", async () => {
  await using story = await withWitness({ unsafeTestingIgnoreWitnesses: true, skewMs: -8 * DAY_MS });
  await story.ana.chat.openDirect("bo");
});

test("T14: a cosignature of four minutes ahead is a clock that is a little fast", async () => {
  await using story = await withWitness({ skewMs: 4 * MINUTE_MS });
  await signed(story.ana);
  await story.ana.chat.openDirect("bo");
});
