import type { Line, Span, Tone } from "./palette.ts";
import { fit, textWidth, truncate } from "./text-width.ts";

/** Columns a line takes. */
export function lineWidth(line: Line): number {
  return line.reduce((width, span) => width + textWidth(span.text), 0);
}

/** The line cut to `width` columns, with an ellipsis where something was cut off. */
export function truncateLine(line: Line, width: number): Line {
  if (lineWidth(line) <= width) return line;
  const cut: Span[] = [];
  let left = width;
  for (const span of line) {
    if (left <= 0) break;
    const needed = textWidth(span.text);
    if (needed >= left) {
      cut.push({ ...span, text: truncate(`${span.text} `.repeat(needed > left ? 1 : 2), left) });
      break;
    }
    cut.push(span);
    left -= needed;
  }
  return cut;
}

/** The line cut or filled to exactly `width` columns. */
export function fitLine(line: Line, width: number, filling: Tone = "plain"): Line {
  const cut = truncateLine(line, width);
  const missing = width - lineWidth(cut);
  return missing > 0 ? [...cut, { text: " ".repeat(missing), tone: filling }] : cut;
}

/** `left` at the left, `right` at the right edge; `left` gives way. */
export function spread(left: Line, right: Line, width: number, filling: Tone = "plain"): Line {
  const shownRight = lineWidth(right) < width ? right : [];
  return [...fitLine(left, width - lineWidth(shownRight), filling), ...shownRight];
}

/** A rule with a label in it, over the whole width. */
export function rule(label: string, width: number, tone: Tone): Line {
  const text = truncate(label, Math.max(0, width - 6));
  const sides = width - textWidth(text) - 2;
  if (sides < 2) return [{ text: fit(label, width), tone }];
  const left = Math.floor(sides / 2);
  return [{ text: `${"─".repeat(left)} ${text} ${"─".repeat(sides - left)}`, tone }];
}
