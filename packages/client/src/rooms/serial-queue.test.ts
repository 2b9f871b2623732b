import { expect, test } from "vitest";
import { SerialQueue } from "./serial-queue.ts";

test("tasks run one after the other in the order given, also after a failure", async () => {
  const steps: string[] = [];
  const failures: unknown[] = [];
  const queue = new SerialQueue({
    before: () => steps.push("before"),
    failed: (error) => failures.push(error),
  });
  const fault = new Error("fault");
  const first = queue.run(async () => {
    await Promise.resolve();
    steps.push("first");
    return 1;
  });
  const second = queue.run(() => {
    throw fault;
  });
  const third = queue.run(() => steps.push("third"));
  await expect(first).resolves.toBe(1);
  await expect(second).rejects.toBe(fault);
  await third;
  expect(steps).toEqual(["before", "first", "before", "before", "third"]);
  expect(failures).toEqual([fault]);
});

test("a task that the guard stops is not run", async () => {
  const closed = new Error("closed");
  const queue = new SerialQueue({
    before() {
      throw closed;
    },
    failed: () => undefined,
  });
  let ran = false;
  await expect(queue.run(() => (ran = true))).rejects.toBe(closed);
  expect(ran).toBe(false);
});
