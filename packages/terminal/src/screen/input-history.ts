/** What was sent from the composer, to be called back with the arrow keys. The unsent draft is kept meanwhile. */
export class InputHistory {
  static readonly LIMIT = 200;
  readonly #entries: string[] = [];
  #at = 0;
  #draft = "";

  /** Remembers a sent text, unless it is the last one again. */
  add(text: string): void {
    if (text !== "" && this.#entries.at(-1) !== text) this.#entries.push(text);
    if (this.#entries.length > InputHistory.LIMIT) this.#entries.shift();
    this.#at = this.#entries.length;
  }

  /** The text before the current one; `current` is kept as the draft when leaving it. Undefined at the oldest. */
  older(current: string): string | undefined {
    if (this.#at === 0) return undefined;
    if (this.#at === this.#entries.length) this.#draft = current;
    this.#at -= 1;
    return this.#entries[this.#at];
  }

  /** The text after the current one, at last the draft; undefined when the draft is what is shown. */
  newer(): string | undefined {
    if (this.#at >= this.#entries.length) return undefined;
    this.#at += 1;
    return this.#at === this.#entries.length ? this.#draft : this.#entries[this.#at];
  }
}
