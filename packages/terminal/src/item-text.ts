import type { TimelineItem } from "@parley/client";
import type { LocalTime } from "./screen/local-time.ts";

/** A timeline item as one line of plain text: `[14:02] bo: hello`. Line breaks in it become ` / `. */
export function itemText(item: TimelineItem, time: LocalTime): string {
  const clock = `[${time.clock(item.atMs)}]`;
  switch (item.kind) {
    case "message":
      return `${clock} ${item.sender.name}: ${oneLine(item.text)}${sendNote(item)}`;
    case "event":
      return `${clock} * ${oneLine(item.text)}`;
    case "gap":
      return `${clock} ! messages ${item.fromSeq} to ${item.toSeq}: ${oneLine(item.cause)}. ${oneLine(item.action)}`;
  }
}

function sendNote({ send }: Extract<TimelineItem, { kind: "message" }>): string {
  if (send.kind === "sent") return "";
  return send.kind === "queued" ? " (queued)" : ` (not sent: ${send.reason})`;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " / ").replace(/[\x00-\x1f\x7f-\x9f]/g, "\ufffd");
}
