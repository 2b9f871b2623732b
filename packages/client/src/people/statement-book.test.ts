import type { NewAccount } from "@parley/trust";
import {
  appendAccountEntry,
  createAccount,
  makeAccountRecover,
  RECOVERY_DELAY_MS,
  settleAccount,
  signerFromSeed,
} from "@parley/trust";
import { expect, test } from "vitest";
import { HandTurnedClock } from "../connection/hand-turned-clock.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { checkedText, standingOf, troubleOf } from "./person-trust.ts";
import { StatementBook } from "./statement-book.ts";

async function setUp() {
  const clock = new HandTurnedClock(Date.UTC(2026, 2, 2, 12));
  const store = new MemoryStore();
  const open = () => new StatementBook({ store, clock, device: 3 });
  const bo = await createAccount({ name: "bo", nowMs: clock.nowMs() });
  return { clock, store, open, book: open(), bo };
}

test("what was said is there after a restart, in the order of saying, and nothing is ever changed or taken away", async () => {
  const { clock, store, open, book, bo } = await setUp();
  const rows = () => store.range("statement").map(([key, value]) => [key, value.toHex()]);
  book.append(book.about(bo.state, "digits"));
  const [first] = rows();
  await clock.turn(1000);
  book.append(book.about(bo.state, "forget-check"));
  await clock.turn(1000);
  book.append(book.about(bo.state, "sas-voice"));
  expect(rows()[0]).toEqual(first);
  expect(rows()).toHaveLength(3);
  expect(open().ledger).toEqual(book.ledger);
  expect(book.ledger.statements.map(({ method, device }) => [method, device])).toEqual([
    ["digits", 3],
    ["forget-check", 3],
    ["sas-voice", 3],
  ]);
  expect(standingOf(book.ledger, bo.state).check?.method).toBe("sas-voice");
});

test("a statement that is not on disk counts only once it is adopted", async () => {
  const { store, book, bo } = await setUp();
  const statement = book.about(bo.state, "invite");
  const change = book.change(statement);
  expect(standingOf(book.ledger, bo.state).check).toBeUndefined();
  store.write([change]);
  book.adopt(statement);
  expect(checkedText(book.ledger, bo.state)).toBe("checked by you on 2 March 2026 (by invite)");
});

test("a recovery of the account makes a check one that was", async () => {
  const { clock, book, bo } = await setUp();
  book.append(book.about(bo.state, "digits"));
  await clock.turn(1000);
  const state = await recovered(bo, clock.nowMs());
  expect(checkedText(book.ledger, state)).toBe("checked by you on 2 March 2026 (by number)");
  await clock.turn(RECOVERY_DELAY_MS);
  const settled = settleAccount(state, clock.nowMs());
  expect(checkedText(book.ledger, settled)).toBe("");
  expect(troubleOf(book.ledger, settled)).toEqual(["was checked, key recovered on 5 March 2026"]);
  await clock.turn(1000);
  book.append(book.about(settled, "sas-video"));
  expect(checkedText(book.ledger, settled)).toBe("checked by you on 5 March 2026 (by emoji, video)");
  expect(troubleOf(book.ledger, settled)).toEqual([]);
});

async function recovered({ state, recovery }: NewAccount, nowMs: number) {
  const words = await signerFromSeed(recovery);
  const { entry } = await makeAccountRecover({ state, recovery: words, nowMs });
  return appendAccountEntry(state, entry, { nowMs });
}
