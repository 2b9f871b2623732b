import { openAccount } from "../composition.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { VerbContext } from "../program.ts";

/** `parley rooms`: name, unread and mention counts, one room a line. */
export async function runRooms(
  { folder, password, streams }: VerbContext,
  { json }: { json?: boolean },
): Promise<ExitCode> {
  await using account = await openAccount(folder, password);
  const rooms = await account.api.rooms();
  if (json) {
    await streams.print(JSON.stringify(rooms, undefined, 2));
    return EXIT_CODES.ok;
  }
  for (const room of rooms) {
    const notes = [
      room.unread > 0 ? `${room.unread} new` : "",
      room.mentions > 0 ? `${room.mentions} for you` : "",
      room.state === "active" ? "" : room.state,
    ].filter((note) => note !== "");
    await streams.print(
      `${room.direct ? "@" : "#"}${room.name}${notes.length > 0 ? `  ${notes.join(", ")}` : ""}`,
    );
  }
  return EXIT_CODES.ok;
}
