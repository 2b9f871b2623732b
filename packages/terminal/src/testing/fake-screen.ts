// The screen on a FakeChat, in a real terminal: node --import ./translate-jsx.js testing/fake-screen.ts [light|dark]
import { runScreen } from "../screen/run-screen.ts";
import { FAKE_NOW_MS, FAKE_PEOPLE, FakeChat } from "./fake-chat.ts";

const chat = new FakeChat();
const garden = chat.addRoom("garden", {
  topic: "what grows where, and who waters it on Sundays",
  memberCount: 4,
});
const kitchen = chat.addRoom("kitchen");
const bo = chat.addRoom("bo", { direct: true });
chat.addRoom("reading-club-of-the-long-name", { state: "repairing" });
const DAY_MS = 24 * 60 * 60 * 1000;
chat.fill(garden, Number(process.argv[3] ?? 40), (index) =>
  index % 7 === 0
    ? `a longer message ${index} that goes on for a while, so that it has to be broken into rows somewhere`
    : `message ${index}`,
);
chat.event(garden, "bo made cy an admin");
chat.receive(garden, "bo", "日本語のテキストと絵文字 👩‍👩‍👧 family 🏳️‍🌈 done", { unread: false });
chat.receive(
  garden,
  "cy",
  "@ana could you water the tomatoes tomorrow?\nAnd the beans:\n  - north bed\n  - south bed",
  { mentionsMe: true },
);
chat.gap(garden, "sent before you joined", "Nothing is missing after that");
chat.receive(garden, "ana", "yes, both", { unread: false });
chat.autoAccept = false;
await chat.send(garden, "this one waits for the connection");
const failed = await chat.send(garden, "this one was refused");
chat.setSendState(garden, failed, { kind: "failed", reason: "the message is too long" });
chat.receive(kitchen, "cy", "soup is ready", { atMs: FAKE_NOW_MS - DAY_MS, mentionsMe: true });
chat.receive(bo, "bo", "psst", { atMs: FAKE_NOW_MS });
chat.invitation("dora");
chat.setMembers(garden, [
  { ...FAKE_PEOPLE.ana, role: "owner", devices: 1, me: true, checked: "" },
  { ...FAKE_PEOPLE.bo, role: "member", devices: 2, me: false, checked: "checked by you on 3 May 2026" },
  { ...FAKE_PEOPLE.cy, role: "admin", devices: 1, me: false, checked: "" },
  {
    account: "d0".repeat(32),
    name: "dora-of-the-long-name",
    role: "member",
    devices: 1,
    me: false,
    checked: "",
  },
]);
chat.change({ recoveryWordsFile: "/home/ana/.local/share/parley/recovery-words.txt" });

process.on("SIGUSR2", () => {
  throw new Error("a crash, for the test of what is left of the terminal");
});

const theme = process.argv[2];
await runScreen({
  chat,
  keyboard: process.stdin,
  display: process.stdout,
  background: theme === "light" || theme === "dark" ? theme : undefined,
  colour: true,
  mouse: true,
});
process.stdout.write("left the screen\n");
