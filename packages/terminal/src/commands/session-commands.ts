import type { Command } from "./command.ts";
import { DONE, said, UsageError } from "./command.ts";

/** The account and the program itself. */
export const SESSION_COMMANDS: readonly Command[] = [
  {
    name: "words",
    usage: "[WORDS…]",
    help: "where your recovery words are; with the words: confirm that you wrote them down",
    completes: [],
    secret: true,
    async run({ chat }, rest) {
      const file = chat.snapshot().recoveryWordsFile;
      if (file === undefined) return said("Your recovery words are confirmed. Keep the paper");
      if (rest !== "") {
        await chat.confirmRecoveryWords(rest.toLowerCase().split(/\s+/).join(" "));
        return said("Confirmed. The file with the words is gone; keep the paper");
      }
      return {
        kind: "shown",
        title: "Your recovery words",
        lines: [
          "They get you back in when this device is lost. This is where they lie, readable by you alone:",
          "",
          file,
          "",
          "Write them on paper, then confirm them here:  /words WORD WORD …",
          "They are removed here when they are right.",
        ],
      };
    },
  },
  {
    name: "reconnect",
    usage: "",
    help: "try to connect now",
    completes: [],
    async run({ chat }) {
      chat.reconnect();
      return DONE;
    },
  },
  {
    name: "mouse",
    usage: "on|off",
    help: "off: the terminal selects text as always; on: the wheel scrolls",
    completes: ["switch"],
    async run(_context, rest) {
      if (rest !== "on" && rest !== "off") throw new UsageError("On or off? /mouse on|off");
      return { kind: "mouse", on: rest === "on" };
    },
  },
  {
    name: "clear",
    usage: "",
    help: "clear the screen; nothing is deleted, scrolling up shows it again",
    completes: [],
    async run() {
      return { kind: "cleared" };
    },
  },
  {
    name: "quit",
    aliases: ["exit", "q"],
    usage: "",
    help: "leave Parley; what is queued goes out next time",
    completes: [],
    async run() {
      return { kind: "quit" };
    },
  },
];
