/** Who wants to hear of changes, each of a topic of its own. */
export class Listeners {
  readonly #byTopic = new Map<string, Set<() => void>>();
  readonly #onFault: (error: unknown) => void;

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
  }

  /** @returns the way to stop. */
  add(topic: string, listener: () => void): () => void {
    let listeners = this.#byTopic.get(topic);
    if (!listeners) this.#byTopic.set(topic, (listeners = new Set()));
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** A listener that throws must not stop what it hears of. */
  call(topic: string): void {
    for (const listener of [...(this.#byTopic.get(topic) ?? [])]) {
      try {
        listener();
      } catch (error) {
        this.#onFault(error);
      }
    }
  }
}
