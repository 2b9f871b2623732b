import { expect, test } from "vitest";
import { FakeChat } from "../testing/fake-chat.ts";
import { ScreenTerminal } from "../testing/screen-terminal.ts";

test("shows", async () => {
  const chat = new FakeChat();
  const room = chat.addRoom("garden", { topic: "what grows where" });
  chat.addRoom("kitchen", { unread: 3, mentions: 1 });
  chat.receive(room, "bo", "hello");
  chat.receive(room, "ana", "hi");
  const terminal = new ScreenTerminal(chat);
  await terminal.until((text) => text.includes("hello"));
  terminal.press("abc");
  await terminal.until((text) => text.includes("abc"));
  console.log(terminal.text(), terminal.cursor);
  await terminal.close();
  console.log(terminal.text());
});
