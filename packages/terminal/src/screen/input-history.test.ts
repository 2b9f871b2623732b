import { expect, test } from "vitest";
import { InputHistory } from "./input-history.ts";

test("goes back to the oldest and forward to the draft", () => {
  const history = new InputHistory();
  history.add("one");
  history.add("two");
  history.add("two");
  expect(history.older("draft")).toBe("two");
  expect(history.older("two")).toBe("one");
  expect(history.older("one")).toBeUndefined();
  expect(history.newer()).toBe("two");
  expect(history.newer()).toBe("draft");
  expect(history.newer()).toBeUndefined();
});

test("keeps a bounded number", () => {
  const history = new InputHistory();
  for (let index = 0; index < InputHistory.LIMIT + 10; index += 1) history.add(`${index}`);
  let oldest: string | undefined;
  for (let text = history.older(""); text !== undefined; text = history.older("")) oldest = text;
  expect(oldest).toBe("10");
});
