const WORD = "[\\p{L}\\p{M}\\p{N}_]";

/**
 * Whether `text` calls `name`: as `@name`, or as a word of its own. Case does not matter. Dots and hyphens can stand in
 * names: `@ana.b` does not call `ana`, but the dot that ends a sentence is none of a name's.
 */
export function mentions(text: string, name: string): boolean {
  const before = `(?<!${WORD}|${WORD}[.-])`;
  const after = `(?!${WORD}|[.-]${WORD})`;
  return new RegExp(`${before}@?${RegExp.escape(name)}${after}`, "iu").test(text);
}
