import { ChatError, ConnectionError } from "@parley/client";
import { TrustError } from "@parley/trust";
import { expect, test } from "vitest";
import { CommandFailure } from "./command-failure.ts";
import { tell } from "./failure.ts";

test.each([
  [new CommandFailure("No", 2), "No", 2],
  [new ConnectionError("server-changed", "The key changed"), "The key changed", 11],
  [new ConnectionError("server-rolled-back", "Older"), "Older", 12],
  [new ConnectionError("not-proven", "Who?"), "Who?", 10],
  [new ConnectionError("refused", "No"), "No", 13],
  [new ConnectionError("unreachable", "Nobody there"), "Nobody there", 20],
  [new ChatError("offline", "Not connected"), "Not connected", 20],
  [new ChatError("no-such-room", "No room"), "No room", 1],
  [new TrustError("invite-cut-off"), "The end of the link is missing: copy the whole of it", 1],
  [
    Object.assign(new Error("listen EADDRINUSE"), { code: "EADDRINUSE", port: 7443 }),
    "Port 7443 is in use: choose another with --listen",
    1,
  ],
  [
    Object.assign(new Error("x"), { code: "ENOSPC" }),
    "The disk is full: nothing that was confirmed is lost",
    1,
  ],
  [
    Object.assign(new Error("relay.db is open in another process"), { name: "StoreOpenError" }),
    "Relay.db is open in another process",
    1,
  ],
])("%s", (error, text, exitCode) => {
  expect(tell(error)).toEqual({ text, exitCode });
});

test("of a fault, no more is told than its kind", () => {
  const { text, exitCode } = tell(new TypeError("cannot read 'my secret' of undefined"));
  expect(text).toBe("That was a fault inside Parley (TypeError)");
  expect(exitCode).toBe(1);
});
