import { TrustError } from "../errors.ts";
import type { Atom, AtomName, Expression } from "./expression.ts";
import { ATOM_NAMES, formatExpression, joined } from "./expression.ts";

/** Longest rule, in characters. */
export const MAX_RULE_CHARACTERS = 1024;
/** Most distinct introducers a rule can ask for. */
const MAX_VOUCHES = 16;
const MAX_DEPTH = 16;
const MAX_ALTERNATIVES = 32;

/**
 * Reads a rule: atoms, `|`, `&` (which binds tighter), `()`, `k-of(n, a, b, …)`. A `k-of` must not list the same
 * member twice, or one piece of evidence would count twice.
 *
 * Throws `policy-syntax`, or `policy-atom` for a word outside `allowed`; data: `column`, from 1.
 */
export function parseExpression(text: string, allowed: readonly AtomName[] = ATOM_NAMES): Expression {
  if (text.length > MAX_RULE_CHARACTERS) throw syntax(MAX_RULE_CHARACTERS, "the rule is too long");
  return new ExpressionParser(text, allowed).parse();
}

interface Token {
  readonly text: string;
  /** From 1. */
  readonly column: number;
}

class ExpressionParser {
  readonly #tokens: readonly Token[];
  readonly #allowed: readonly AtomName[];
  readonly #end: Token;
  #at = 0;

  constructor(text: string, allowed: readonly AtomName[]) {
    this.#allowed = allowed;
    this.#tokens = tokensOf(text);
    this.#end = { text: "", column: text.length + 1 };
  }

  parse(): Expression {
    const expression = this.#any(0);
    if (this.#next.text !== "") throw syntax(this.#next.column, "expected | or & or the end");
    return expression;
  }

  get #next(): Token {
    return this.#tokens[this.#at] ?? this.#end;
  }

  #take(): Token {
    const token = this.#next;
    this.#at++;
    return token;
  }

  #expect(text: string): void {
    const token = this.#take();
    if (token.text !== text) throw syntax(token.column, `expected ${text}`);
  }

  #series(separator: "|" | "&", member: () => Expression): Expression {
    const members = [member()];
    while (this.#next.text === separator) {
      const { column } = this.#take();
      if (members.length === MAX_ALTERNATIVES) throw syntax(column, "too many members");
      members.push(member());
    }
    return joined(separator === "|" ? "any" : "all", members);
  }

  #any(depth: number): Expression {
    return this.#series("|", () => this.#series("&", () => this.#single(depth)));
  }

  #single(depth: number): Expression {
    const token = this.#take();
    if (depth > MAX_DEPTH) throw syntax(token.column, "too many parentheses");
    if (token.text === "(") {
      const inner = this.#any(depth + 1);
      this.#expect(")");
      return inner;
    }
    if (!WORD.test(token.text)) throw syntax(token.column, "expected a word or (");
    return token.text === "k-of" ? this.#threshold(token, depth) : this.#atom(token);
  }

  #threshold(head: Token, depth: number): Expression {
    this.#expect("(");
    const counted = this.#take();
    const of: Expression[] = [];
    while (this.#next.text === ",") {
      this.#take();
      if (of.length === MAX_ALTERNATIVES) throw syntax(this.#next.column, "too many members");
      of.push(this.#any(depth + 1));
    }
    this.#expect(")");
    const count = wholeNumber(counted, of.length);
    if (new Set(of.map(formatExpression)).size < of.length) throw syntax(head.column, "a member said twice");
    return { kind: "k-of", count, of };
  }

  #atom(word: Token): Atom {
    const name = this.#allowed.find((known) => known === word.text);
    if (!name) throw new TrustError("policy-atom", "a word this rule does not take", { column: word.column });
    if (name === "vouch") {
      this.#expect("(");
      const count = wholeNumber(this.#take(), MAX_VOUCHES);
      this.#expect(")");
      return { kind: "atom", name, count };
    }
    if (name !== "ca" || this.#next.text !== "(") return { kind: "atom", name };
    this.#take();
    const certifier = this.#take();
    if (!WORD.test(certifier.text)) throw syntax(certifier.column, "expected a certifier's name");
    this.#expect(")");
    return { kind: "atom", name, certifier: certifier.text };
  }
}

const WORD = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const TOKEN = /\s*(?:([|&(),])|([A-Za-z0-9._-]+)|(\S))/y;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const source = text.trimEnd();
  for (let at = 0; at < source.length; ) {
    TOKEN.lastIndex = at;
    const [whole = "", sign, word] = TOKEN.exec(source) ?? [];
    at += whole.length;
    const found = sign ?? word;
    if (found === undefined) throw syntax(at, "a character that no rule has");
    tokens.push({ text: found, column: at - found.length + 1 });
  }
  return tokens;
}

function wholeNumber({ text, column }: Token, max: number): number {
  const number = Number(text);
  if (!/^[1-9][0-9]?$/.test(text) || number > max) throw syntax(column, `expected a number, 1 to ${max}`);
  return number;
}

function syntax(column: number, detail: string): TrustError {
  return new TrustError("policy-syntax", `column ${column}: ${detail}`, { column });
}
