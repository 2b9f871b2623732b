const QUIET_TURNS = 200;

/** Resolves when `value` has not changed for many turns of the event loop: what moves it is blocked, or done. */
export async function quiet(value: () => unknown): Promise<void> {
  let last = value();
  for (let turns = 0; turns < QUIET_TURNS; turns++) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    const present = value();
    if (present !== last) turns = 0;
    last = present;
  }
}
