const WORD = "[\\p{L}\\p{N}_]";

/** Whether `text` calls `name`: as `@name`, or as a word of its own. Case does not matter. */
export function mentions(text: string, name: string): boolean {
  const escaped = RegExp.escape(name);
  return new RegExp(`(?<!${WORD})@?${escaped}(?!${WORD})`, "iu").test(text);
}
