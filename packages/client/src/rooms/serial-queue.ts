/** What a {@link SerialQueue} does around its tasks. */
export interface QueueGuard {
  /** Before each task. When it throws, the task is not run and fails with that. */
  before(): void;
  /** A task has failed; the next one has not begun. */
  failed(error: unknown): void;
}

/** Runs tasks one after the other, in the order given. A task that fails does not stop the next. */
export class SerialQueue {
  readonly #guard: QueueGuard | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(guard?: QueueGuard) {
    this.#guard = guard;
  }

  /** @returns what the task returns or throws. */
  run<T>(task: () => Promise<T> | T): Promise<T> {
    const result = this.#tail.then(() => this.#runGuarded(task));
    this.#tail = result.catch(() => undefined);
    return result;
  }

  /** Resolves when everything that was asked for so far has ended, well or not. */
  async settled(): Promise<void> {
    await this.#tail;
  }

  async #runGuarded<T>(task: () => Promise<T> | T): Promise<T> {
    try {
      this.#guard?.before();
      return await task();
    } catch (error) {
      this.#guard?.failed(error);
      throw error;
    }
  }
}
