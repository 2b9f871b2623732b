import { StringDecoder } from "node:string_decoder";

/** A key with a name, as opposed to text. Control with a letter is the letter's name with `ctrl`. */
export interface Key {
  readonly kind: "key";
  readonly name: string;
  readonly ctrl: boolean;
  readonly alt: boolean;
  readonly shift: boolean;
}

/** What a terminal sends. */
export type TerminalInput =
  | Key
  | { readonly kind: "text"; readonly text: string }
  /** Pasted text, line breaks as they came. */
  | { readonly kind: "paste"; readonly text: string }
  /** The mouse wheel: -1 up, 1 down; where the pointer was, from 0. */
  | { readonly kind: "wheel"; readonly direction: -1 | 1; readonly column: number; readonly row: number }
  | { readonly kind: "click"; readonly column: number; readonly row: number }
  | { readonly kind: "focus"; readonly focused: boolean }
  /** The answer to a query, without the OSC frame. */
  | { readonly kind: "reply"; readonly text: string };

const PASTE_START = "\x1b[200~";
const PASTE_END = "\x1b[201~";
/** A paste or an answer larger than this is taken as it is, so that nothing waits for ever. */
const PENDING_LIMIT = 4 * 1024 * 1024;

const BY_LETTER: Readonly<Record<string, string>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  F: "end",
  H: "home",
  P: "f1",
  Q: "f2",
  R: "f3",
  S: "f4",
};
const BY_NUMBER: Readonly<Record<string, string>> = {
  1: "home",
  2: "insert",
  3: "delete",
  4: "end",
  5: "pageup",
  6: "pagedown",
  7: "home",
  8: "end",
  11: "f1",
};
const BY_CODE: Readonly<Record<number, string>> = {
  9: "tab",
  13: "enter",
  27: "escape",
  127: "backspace",
  57414: "enter",
};

/**
 * Turns the bytes of a terminal into keys, text, pastes and mouse events. Knows xterm's and rxvt's sequences,
 * modifyOtherKeys and the kitty keyboard protocol (level 1), bracketed paste, SGR mouse and OSC answers. What it does
 * not know it drops. A paste without brackets (line breaks amid text in one chunk) is recognised as a paste.
 */
export class KeyDecoder {
  readonly #utf8 = new StringDecoder("utf8");
  #pending = "";

  /** Whether a lone Escape, or a sequence cut in two, waits for more; call {@link flush} when nothing follows. */
  get waiting(): boolean {
    return this.#pending !== "" && !this.#pending.startsWith(PASTE_START);
  }

  push(chunk: Uint8Array | string): TerminalInput[] {
    const input = this.#pending + (typeof chunk === "string" ? chunk : this.#utf8.write(Buffer.from(chunk)));
    this.#pending = "";
    const found: TerminalInput[] = [];
    let at = 0;
    while (at < input.length) {
      const next = input.indexOf("\x1b", at);
      if (next !== at) {
        const end = next === -1 ? input.length : next;
        decodeText(input.slice(at, end), found);
        at = end;
        continue;
      }
      const length = sequenceLength(input, at);
      if (length === undefined && input.length - at < PENDING_LIMIT) {
        this.#pending = input.slice(at);
        break;
      }
      const sequence = input.slice(at, at + (length ?? input.length));
      decodeSequence(sequence, found);
      at += sequence.length;
    }
    return found;
  }

  /** What waits, as it is: a lone Escape is the Escape key. */
  flush(): TerminalInput[] {
    const pending = this.#pending;
    this.#pending = "";
    if (pending === "\x1b") return [key("escape")];
    if (pending === "\x1b\x1b") return [key("escape", { alt: true })];
    if (pending === "\x1b[" || pending === "\x1bO") return [{ kind: "text", text: pending.slice(1) }];
    return [];
  }
}

/** Builds a key; modifiers default to none. */
export function key(name: string, modifiers: { ctrl?: boolean; alt?: boolean; shift?: boolean } = {}): Key {
  return { kind: "key", name, ctrl: false, alt: false, shift: false, ...modifiers };
}

/** Characters of the sequence that begins with the Escape at `at`; undefined when its end has not come yet. */
function sequenceLength(input: string, at: number): number | undefined {
  const start = input[at + 1] === "\x1b" ? at + 1 : at;
  const introducer = input[start + 1];
  if (introducer === undefined) return undefined;
  const prefix = start - at;
  if (introducer === "[") {
    if (input.startsWith(PASTE_START, start)) {
      const end = input.indexOf(PASTE_END, start + PASTE_START.length);
      return end === -1 ? undefined : end + PASTE_END.length - at;
    }
    if (input[start + 2] === "[") return input.length > start + 3 ? prefix + 4 : undefined;
    for (let index = start + 2; index < input.length; index += 1) {
      const code = input.charCodeAt(index);
      if ((code >= 0x40 && code <= 0x7e) || code === 0x24) return index + 1 - at;
      if (code < 0x20 || code > 0x3f) return index - at;
    }
    return undefined;
  }
  if (introducer === "O") return input.length > start + 2 ? prefix + 3 : undefined;
  if (introducer === "]" || introducer === "P" || introducer === "_") {
    const end = /\x07|\x1b\\/.exec(input.slice(start + 2));
    return end ? prefix + 2 + end.index + end[0].length : undefined;
  }
  return prefix + 1 + String.fromCodePoint(input.codePointAt(start + 1)!).length;
}

function decodeSequence(sequence: string, found: TerminalInput[]): void {
  if (sequence.startsWith(PASTE_START)) {
    found.push({ kind: "paste", text: sequence.slice(PASTE_START.length).replace(PASTE_END, "") });
    return;
  }
  const doubled = sequence.startsWith("\x1b\x1b");
  const body = sequence.slice(doubled ? 2 : 1);
  if (body.startsWith("]")) {
    found.push({ kind: "reply", text: body.slice(1).replace(/(?:\x07|\x1b\\)$/, "") });
  } else if (body.startsWith("[") && body.length > 1) {
    const decoded = decodeCsi(body.slice(1));
    if (decoded) found.push(doubled && decoded.kind === "key" ? { ...decoded, alt: true } : decoded);
  } else if (body.startsWith("O") && body.length > 1) {
    const name = body[1] === "M" ? "enter" : BY_LETTER[body[1]!.toUpperCase()];
    if (name) found.push(key(name, { ctrl: /[a-d]/.test(body[1]!), alt: doubled }));
  } else if (body !== "" && !body.startsWith("P") && !body.startsWith("_")) {
    const inner: TerminalInput[] = [];
    decodeText(body, inner);
    for (const one of inner) {
      if (one.kind === "key") found.push({ ...one, alt: true });
      else if (one.kind === "text")
        found.push(key(one.text, { alt: true, shift: /^\p{Lu}$/u.test(one.text) }));
    }
  } else if (doubled && body === "") {
    found.push(key("escape", { alt: true }));
  }
}

function decodeCsi(body: string): TerminalInput | undefined {
  const mouse = /^<(\d+);(\d+);(\d+)([Mm])$/.exec(body);
  if (mouse)
    return decodeMouse(Number(mouse[1]), Number(mouse[2]) - 1, Number(mouse[3]) - 1, mouse[4] === "M");
  if (body === "I" || body === "O") return { kind: "focus", focused: body === "I" };
  if (body === "Z") return key("tab", { shift: true });
  const match = /^(\d*)(?::[\d:]*)?(?:;(\d*)(?::(\d+))?)?(?:;([\d:]+))?([A-Za-z~^$@])$/.exec(body);
  if (!match) return undefined;
  const [, number = "", modifiers = "", event, last, final = ""] = match;
  if (event === "3") return undefined;
  if (final === "u") return decodeCode(Number(number), modifiers);
  if (final === "~" && number === "27") return decodeCode(Number(last), modifiers);
  if (/[~^$@]/.test(final)) {
    const name = BY_NUMBER[number];
    if (name === undefined) return undefined;
    return key(name, modifiersOf(modifiers, final === "^" || final === "@", final === "$" || final === "@"));
  }
  const name = BY_LETTER[final.toUpperCase()];
  return name === undefined ? undefined : key(name, modifiersOf(modifiers, false, /[a-d]/.test(final)));
}

function decodeCode(code: number, modifiers: string): TerminalInput | undefined {
  const held = modifiersOf(modifiers, false, false);
  const name = BY_CODE[code];
  if (name) return key(name, held);
  if (code < 0x20 || (code >= 57344 && code <= 63743) || code > 0x10ffff) return undefined;
  const text = String.fromCodePoint(code);
  if (!held.ctrl && !held.alt) return text.isWellFormed() ? { kind: "text", text } : undefined;
  return key(text.toLowerCase(), held);
}

function modifiersOf(
  digits: string,
  ctrl: boolean,
  shift: boolean,
): { ctrl: boolean; alt: boolean; shift: boolean } {
  const bits = digits === "" ? 0 : Number(digits) - 1;
  return { ctrl: ctrl || (bits & 4) !== 0, alt: (bits & 2) !== 0, shift: shift || (bits & 1) !== 0 };
}

function decodeMouse(
  button: number,
  column: number,
  row: number,
  pressed: boolean,
): TerminalInput | undefined {
  const bare = button & ~0b11100;
  if (bare === 64 || bare === 65) return { kind: "wheel", direction: bare === 64 ? -1 : 1, column, row };
  return bare === 0 && pressed ? { kind: "click", column, row } : undefined;
}

/** Text between escape sequences: printable runs and control keys. */
function decodeText(text: string, found: TerminalInput[]): void {
  if (/[\r\n][^\r\n\x00-\x1f\x7f]/.test(text)) {
    found.push({ kind: "paste", text });
    return;
  }
  for (const [run] of text.matchAll(/[^\x00-\x1f\x7f]+|[\x00-\x1f\x7f]/g)) {
    const code = run.charCodeAt(0);
    if (code >= 0x20 && code !== 0x7f) found.push({ kind: "text", text: run });
    else if (run === "\r") found.push(key("enter"));
    else if (run === "\t") found.push(key("tab"));
    else if (run === "\x7f") found.push(key("backspace"));
    else if (run === "\x00") found.push(key("space", { ctrl: true }));
    else found.push(key(String.fromCharCode(code + (code < 0x1b ? 0x60 : 0x40)), { ctrl: true }));
  }
}
