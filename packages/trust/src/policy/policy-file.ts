import { TrustError } from "../errors.ts";
import type { Expression } from "./expression.ts";
import { formatExpression } from "./expression.ts";
import { parseExpression } from "./expression-parser.ts";
import type { LedgerPolicy, PresetName, RoomFloor, RuleName, TrustPolicy } from "./trust-policy.ts";
import { PRESET_NAMES, PRESETS, RULE_ATOMS, RULE_NAMES } from "./trust-policy.ts";

/** Longest policy file, in characters. */
export const MAX_POLICY_FILE_CHARACTERS = 16 * 1024;

interface Setting {
  readonly value: string;
  readonly line: number;
  /** Column of the value's first character, from 1. */
  readonly column: number;
}

/**
 * Reads `policy.toml`: a subset of TOML 1.0 with comments, the sections `[server]`, `[user]` and `[ledger]`, and keys
 * with basic strings without escapes. `preset = "…"` before the first section says what stands where the file is
 * silent; `friends` when absent. Whatever is not known is refused.
 *
 * Throws `policy-syntax` or `policy-atom`; data: `line` and `column`, from 1.
 */
export function parsePolicyFile(text: string): TrustPolicy {
  const settings = readSettings(text, [...FILE_KEYS]);
  const base = PRESETS[settings.get("preset") ? presetOf(settings.get("preset") as Setting) : "friends"];
  const rules = Object.fromEntries(
    RULE_NAMES.map((name) => [name, ruleOf(settings, name) ?? base.rules[name]]),
  ) as Record<RuleName, Expression>;
  return { rules, ledger: ledgerOf(settings, base.ledger) };
}

/** The whole policy as a file; {@link parsePolicyFile} gives it back. Throws `policy-syntax` when it has no text. */
export function formatPolicyFile({ rules, ledger }: TrustPolicy): string {
  const line = (name: RuleName) => `${name.split(".")[1]} = "${formatExpression(rules[name])}"`;
  const text = [
    "[server]",
    line("server.first"),
    line("server.change"),
    "",
    "[user]",
    line("user.talk"),
    line("user.checked"),
    "",
    "[ledger]",
    ...(ledger.file === undefined ? [] : [`file = "${ledger.file}"`]),
    `warn = "${formatDuration(ledger.warnAfterMs)}"`,
    `refuse = "${formatDuration(ledger.refuseAfterMs)}"`,
    "",
  ].join("\n");
  parsePolicyFile(text);
  return text;
}

/** Reads a room's floor: the section `[user]` alone, each key optional. Throws as {@link parsePolicyFile}. */
export function parseRoomFloor(text: string): RoomFloor {
  const settings = readSettings(text, ["user.talk", "user.checked"]);
  const talk = ruleOf(settings, "user.talk");
  const checked = ruleOf(settings, "user.checked");
  return { ...(talk && { "user.talk": talk }), ...(checked && { "user.checked": checked }) };
}

/** The floor as text; {@link parseRoomFloor} gives it back. */
export function formatRoomFloor(floor: RoomFloor): string {
  const lines = (["user.talk", "user.checked"] as const).flatMap((name) => {
    const rule = floor[name];
    return rule ? [`${name.slice("user.".length)} = "${formatExpression(rule)}"`] : [];
  });
  return ["[user]", ...lines, ""].join("\n");
}

const SECTIONS = ["server", "user", "ledger"];
const LEDGER_KEYS = ["ledger.file", "ledger.warn", "ledger.refuse"];
const FILE_KEYS: ReadonlySet<string> = new Set(["preset", ...RULE_NAMES, ...LEDGER_KEYS]);

const SECTION_LINE = /^[ \t]*\[[ \t]*([a-z]+)[ \t]*\][ \t]*(?:#.*)?$/;
const KEY_LINE = /^([ \t]*([a-z]+)[ \t]*=[ \t]*")([^"\\]*)"[ \t]*(?:#.*)?$/;
const EMPTY_LINE = /^[ \t]*(?:#.*)?$/;
const FORBIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f]/;

function readSettings(text: string, keys: readonly string[]): ReadonlyMap<string, Setting> {
  if (text.length > MAX_POLICY_FILE_CHARACTERS) throw syntax(1, 1, "the file is too long");
  const settings = new Map<string, Setting>();
  const seen = new Set<string>();
  let prefix = "";
  for (const [index, raw] of text.split("\n").entries()) {
    const line = index + 1;
    const content = raw.replace(/\r$/, "");
    if (FORBIDDEN.test(content)) throw syntax(line, 1, "a control character");
    if (EMPTY_LINE.test(content)) continue;
    const [, section] = SECTION_LINE.exec(content) ?? [];
    if (section !== undefined) {
      if (!SECTIONS.includes(section) || seen.has(section)) throw syntax(line, 1, "not a section, or twice");
      seen.add(section);
      prefix = `${section}.`;
      continue;
    }
    const [, head, key, value] = KEY_LINE.exec(content) ?? [];
    if (head === undefined || value === undefined) throw syntax(line, 1, 'expected key = "value"');
    const name = `${prefix}${key}`;
    if (!keys.includes(name) || settings.has(name)) throw syntax(line, 1, "not a key here, or twice");
    settings.set(name, { value, line, column: head.length + 1 });
  }
  return settings;
}

function presetOf({ value, line, column }: Setting): PresetName {
  const name = PRESET_NAMES.find((known) => known === value);
  if (!name) throw syntax(line, column, `expected ${PRESET_NAMES.join(", ")}`);
  return name;
}

function ruleOf(settings: ReadonlyMap<string, Setting>, name: RuleName): Expression | undefined {
  const setting = settings.get(name);
  if (!setting) return undefined;
  try {
    return parseExpression(setting.value, RULE_ATOMS[name]);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    const column = setting.column + (error.data.column ?? 1) - 1;
    throw new TrustError(error.code, `line ${setting.line}, column ${column}`, {
      line: setting.line,
      column,
    });
  }
}

function ledgerOf(settings: ReadonlyMap<string, Setting>, base: LedgerPolicy): LedgerPolicy {
  const [file, warn, refuse] = LEDGER_KEYS.map((key) => settings.get(key));
  if (file && (file.value === "" || !file.value.isWellFormed()))
    throw syntax(file.line, file.column, "expected a file name");
  const warnAfterMs = warn ? parseDuration(warn) : base.warnAfterMs;
  const refuseAfterMs = refuse ? parseDuration(refuse) : base.refuseAfterMs;
  return { warnAfterMs, refuseAfterMs, ...(file && { file: file.value }) };
}

const MINUTE_MS = 60 * 1000;
const UNITS = [
  ["d", 24 * 60 * MINUTE_MS],
  ["h", 60 * MINUTE_MS],
  ["m", MINUTE_MS],
] as const;

function parseDuration({ value, line, column }: Setting): number {
  const [, digits, unit] = /^([1-9][0-9]{0,6})([dhm])$/.exec(value) ?? [];
  const [, unitMs] = UNITS.find(([name]) => name === unit) ?? [];
  if (unitMs === undefined) throw syntax(line, column, "expected a duration such as 24h or 7d");
  return Number(digits) * unitMs;
}

function formatDuration(durationMs: number): string {
  const [unit, unitMs] = UNITS.find(([, size]) => durationMs % size === 0) ?? ["m", MINUTE_MS];
  return `${durationMs / unitMs}${unit}`;
}

function syntax(line: number, column: number, detail: string): TrustError {
  return new TrustError("policy-syntax", `line ${line}, column ${column}: ${detail}`, { line, column });
}
