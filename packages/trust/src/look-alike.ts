/** Everything invisible or out of place in a name: controls, bidi controls, zero-width characters, tags, fillers. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Check marks, shields and locks: only Parley itself says that somebody was checked (trust.md §0 decision 6). */
const CHECK_MARKS =
  /[\u{221A}\u{237B}\u{2611}\u{2705}\u{2713}\u{2714}\u{AA9C}\u{10102}\u{1F50F}\u{1F510}\u{1F512}\u{1F5F8}\u{1F5F9}\u{1F6E1}\u{1FBB1}]/gu;

/** Accents above the second on one letter; piles of them run over other lines. */
const MARK_PILE = /(\p{M}{2})\p{M}+/gu;

/** Longest display name, in characters. */
export const MAX_DISPLAY_NAME_CHARACTERS = 64;

/** @returns a remote name as it may be shown: no unseen characters, no check marks, one line, not too long. */
export function cleanDisplayName(text: string): string {
  const cleaned = text
    .normalize("NFC")
    .replace(/\s+/gu, " ")
    .replace(UNSEEN, "")
    .replace(CHECK_MARKS, "")
    .replace(MARK_PILE, "$1")
    .replace(/ +/g, " ")
    .trim();
  return [...cleaned].slice(0, MAX_DISPLAY_NAME_CHARACTERS).join("").trim();
}

/** Prototype, then the letters that are mistaken for it: the part of UTS #39 that matters between names. */
const ALIKE: readonly (readonly [prototype: string, letters: string])[] = [
  ["a", "аαɑ"],
  ["b", "ЬЪвβ68"],
  ["c", "сϲ"],
  ["d", "ԁ"],
  ["e", "еєε"],
  ["g", "ɡց9q"],
  ["h", "һн"],
  ["j", "јϳ"],
  ["k", "кκ"],
  ["l", "1iıіι|!ӏłǀ"],
  ["m", "мμ"],
  ["n", "пη"],
  ["o", "0оοσօø"],
  ["p", "рρ"],
  ["r", "гř"],
  ["s", "ѕ5$"],
  ["t", "тτŧ"],
  ["u", "υцս"],
  ["v", "νѵ"],
  ["w", "ԝωш"],
  ["x", "хχ"],
  ["y", "уγү"],
  ["z", "2"],
  ["-", "._ ·‐‑–—"],
];

const prototypes = new Map<string, string>();
for (const [prototype, letters] of ALIKE) for (const letter of letters) prototypes.set(letter, prototype);

/** Pairs that read as one letter in most typefaces. */
const PAIRS: readonly (readonly [pair: RegExp, letter: string])[] = [
  [/rn/g, "m"],
  [/vv/g, "w"],
  [/cl/g, "d"],
];

/** @returns a string that is equal for names that look alike. Only for comparing: it is no name. */
export function nameSkeleton(name: string): string {
  const letters = cleanDisplayName(name).normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const single = [...letters].map((letter) => prototypes.get(letter) ?? letter).join("");
  return PAIRS.reduce((text, [pair, letter]) => text.replace(pair, letter), single);
}

/** Scripts whose letters pass for each other's. */
const SCRIPTS = [
  /\p{Script=Latin}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Cherokee}/u,
] as const;

/** Whether one word of the name is written in two scripts with letters that pass for each other's. */
export function mixesScripts(name: string): boolean {
  const words = cleanDisplayName(name).split(/[^\p{L}\p{M}]+/u);
  return words.some((word) => SCRIPTS.filter((script) => script.test(word)).length > 1);
}

/** Why a name should make its reader look twice. */
export type NameWarning =
  | { readonly kind: "looks-like"; readonly known: string }
  | { readonly kind: "mixed-scripts" };

/**
 * Compares a new name with the names of people the user knows. `known` must not hold this person's own name.
 * @returns what to warn of; nothing is refused for it.
 */
export function nameWarnings(name: string, known: readonly string[]): readonly NameWarning[] {
  const skeleton = nameSkeleton(name);
  const alike = known.filter((other) => skeleton !== "" && nameSkeleton(other) === skeleton);
  const warnings: NameWarning[] = alike.map((other) => ({ kind: "looks-like", known: other }));
  return mixesScripts(name) ? [...warnings, { kind: "mixed-scripts" }] : warnings;
}
