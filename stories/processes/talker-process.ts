// A client that talks until it is killed: argv = folder, room, prefix. Tells its parent each text that `Chat.send` promised.
import { openChat, openStore } from "@parley/client/node";

const PAUSE_MS = 5;

const [folder = "", room = "", prefix = ""] = process.argv.slice(2);
const chat = await openChat({
  folder,
  store: openStore(folder),
  onFault(error) {
    throw error;
  },
});
process.once("disconnect", () => process.exit(0));
for (let n = 0; ; n++) {
  const text = `${prefix}.${n}`;
  await chat.send(room, text);
  process.send?.(text);
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
