import { idText } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import { createLog, faultTrace } from "./log.ts";
import { addressOf, makeAccount } from "./testing/raw-client.ts";
import { startTestRelay } from "./testing/relay-fixture.ts";
import { commitRequest, createRoomWith, resume, say } from "./testing/room-requests.ts";

describe("the log", () => {
  it("of a whole story holds no name, id, message, token or address", async () => {
    await using relay = await startTestRelay({ registration: "invite" });
    const invite = await relay.relay.createOperatorInvite({ uses: 2, ttlMs: 60_000 });
    const [anaAccount, boAccount] = [await makeAccount("zebra"), await makeAccount("quagga")];
    const [ana, bo] = [await relay.connect(), await relay.connect()];
    await ana.register(anaAccount, "zebra", invite);
    await bo.register(boAccount, "quagga", invite);
    await expect(
      (await relay.connect()).register(await makeAccount("okapi"), "okapi", invite),
    ).rejects.toThrow();
    const room = await createRoomWith(ana, [addressOf(boAccount)]);
    await resume(bo, [room]);
    await say(ana, { room, text: "meet me at the well", epoch: 1 });
    await ana.request(commitRequest(room, 1, { removed: [addressOf(boAccount)] }), "appended");
    await bo.until(() => bo.deliveries.some(({ kind }) => kind === "removed"));
    bo.socket.send("not a frame");
    await bo.ended;
    await relay.relay.close();

    const log = relay.logLines.join("");
    const events = relay.logLines.map((line) => (JSON.parse(line) as { event: string }).event);
    expect(events).toEqual(expect.arrayContaining(["started", "registered", "login-failed", "stopped"]));
    const userData = [
      "zebra",
      "quagga",
      "okapi",
      "meet me at the well",
      "127.0.0.1",
      idText(room),
      ...[anaAccount, boAccount].map(({ accountId }) => idText(accountId)),
      idText(invite.id),
      idText(invite.secret.expose()),
    ];
    for (const word of userData) {
      expect(log).not.toContain(word);
      expect(log).not.toContain(Buffer.from(word, "hex").toString("base64") || "\0");
    }
  });

  it("has addresses when the operator asks for them", () => {
    const lines: string[] = [];
    const destination = { write: (line: string) => lines.push(line) };
    createLog({ destination }).warn("login-failed", { address: "192.0.2.1" });
    expect(lines.join("")).not.toContain("192.0.2.1");
    createLog({ destination, addresses: true }).warn("login-failed", { address: "192.0.2.1" });
    expect(lines.join("")).toContain("192.0.2.1");
  });

  it("shows of a fault where it was, not what it said", () => {
    const trace = faultTrace(new TypeError("zebra said\nat the well"));
    expect(trace.name).toBe("TypeError");
    expect(trace.frames).toContain("log.test.ts");
    expect(JSON.stringify(trace)).not.toContain("zebra");
  });
});
