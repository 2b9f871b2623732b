/**
 * Words a rule can be made of. Each stands for a kind of evidence; which rule may lean on which is in `RULE_ATOMS`.
 */
export const ATOM_NAMES = [
  /** The key chain follows from what is remembered. */
  "chain",
  /** The chain was recovered with the recovery key that it had committed to. */
  "recovery",
  /** Remembered from before. */
  "pin",
  /** An invite, used by both sides. */
  "invite",
  /** Digits or a short code, told by a person. */
  "code",
  /** A scanned QR code. */
  "qr",
  /** Emoji compared by two people. */
  "sas",
  /** A key file or number that the user entered. */
  "manual",
  /** A password login that only works with the true server (RFC 9807). */
  "opaque",
  /** Met the rule `checked` at some time: one of invite, code, qr, sas, manual. */
  "checked",
  /** In the log, as far as this client has seen it; no witness is asked. */
  "included",
  /** In a log that the user's witnesses cosign. */
  "ledger",
  /** A certificate; `ca(org)` asks for the certifier of that name. */
  "ca",
  /** `vouch(k)`: the word of `k` distinct introducers. */
  "vouch",
] as const;
/** One of {@link ATOM_NAMES}. */
export type AtomName = (typeof ATOM_NAMES)[number];

/** A word of a rule. */
export type Atom =
  | { readonly kind: "atom"; readonly name: Exclude<AtomName, "ca" | "vouch"> }
  | { readonly kind: "atom"; readonly name: "ca"; readonly certifier?: string }
  | { readonly kind: "atom"; readonly name: "vouch"; readonly count: number };

/**
 * A rule. There is no "not", so a rule is monotone: more evidence never turns a yes into a no. `any` and `all` have
 * at least two members, none of their own kind.
 */
export type Expression =
  | Atom
  | { readonly kind: "any" | "all"; readonly of: readonly Expression[] }
  | { readonly kind: "k-of"; readonly count: number; readonly of: readonly Expression[] };

/** The canonical text: `&` inside `|` and `|` inside `&` in parentheses. `parseExpression` gives the rule back. */
export function formatExpression(expression: Expression): string {
  switch (expression.kind) {
    case "atom":
      return formatAtom(expression);
    case "k-of":
      return `k-of(${[String(expression.count), ...expression.of.map(formatExpression)].join(", ")})`;
    case "any":
    case "all": {
      const parts = expression.of.map((member) =>
        member.kind === "any" || member.kind === "all"
          ? `(${formatExpression(member)})`
          : formatExpression(member),
      );
      return parts.join(expression.kind === "any" ? " | " : " & ");
    }
  }
}

function formatAtom(atom: Atom): string {
  if (atom.name === "vouch") return `vouch(${atom.count})`;
  return atom.name === "ca" && atom.certifier !== undefined ? `ca(${atom.certifier})` : atom.name;
}

/** @returns the rule that is met when every one of `rules` is; members said twice are kept once. */
export function allOf(rules: readonly Expression[]): Expression {
  return joined("all", rules);
}

/** @returns `rules` under one `any` or `all`, flattened; a single one stays itself. `rules` must not be empty. */
export function joined(kind: "any" | "all", rules: readonly Expression[]): Expression {
  const flat = rules.flatMap((rule) => (rule.kind === kind ? rule.of : [rule]));
  const distinct = [...new Map(flat.map((rule) => [formatExpression(rule), rule])).values()];
  const [only, ...others] = distinct;
  if (!only) throw new RangeError("a rule has at least one member");
  return others.length === 0 ? only : { kind, of: distinct };
}

/** @returns the names of all atoms in the rule. */
export function atomsOf(expression: Expression): ReadonlySet<AtomName> {
  if (expression.kind === "atom") return new Set([expression.name]);
  return new Set(expression.of.flatMap((member) => [...atomsOf(member)]));
}

/** @returns the rule with each atom `from` (one without argument) replaced by `to`. */
export function replaceAtom(
  expression: Expression,
  from: Exclude<AtomName, "ca" | "vouch">,
  to: Exclude<AtomName, "ca" | "vouch">,
): Expression {
  if (expression.kind === "atom") return expression.name === from ? { kind: "atom", name: to } : expression;
  const of = expression.of.map((member) => replaceAtom(member, from, to));
  return expression.kind === "k-of" ? { ...expression, of } : joined(expression.kind, of);
}
