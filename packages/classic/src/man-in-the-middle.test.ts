import { describe, expect, onTestFinished, test } from "vitest";
import { MODP14 } from "./group.ts";
import { ManInTheMiddle } from "./man-in-the-middle.ts";
import { ClassicRelay } from "./relay.ts";
import { patientClock } from "./testing/hand-clock.ts";
import { ListeningClient } from "./testing/listening-client.ts";

const HERE = { host: "127.0.0.1", port: 0 };

describe("the demonstration", () => {
  test.each(["0.0.0.0", "10.0.0.1", "192.168.1.1", "::", "2001:db8::1", "example.org", ""])(
    "listens and calls on this machine alone, never at %s",
    async (host) => {
      const refused = expect.objectContaining({ code: "not-loopback" });
      const print = () => {};
      await expect(ManInTheMiddle.start({ listen: { host, port: 0 }, to: HERE, print })).rejects.toThrow(
        refused,
      );
      await expect(ManInTheMiddle.start({ listen: HERE, to: { host, port: 1 }, print })).rejects.toThrow(
        refused,
      );
    },
  );

  test.each(["127.0.0.1", "127.8.8.8", "localhost"])("takes %s for this machine", async (host) => {
    await using attack = await ManInTheMiddle.start({ listen: { host, port: 0 }, to: HERE, print: () => {} });
    expect(attack.port).toBeGreaterThan(0);
  });

  test("says when its port is taken", async () => {
    await using attack = await ManInTheMiddle.start({ listen: HERE, to: HERE, print: () => {} });
    const listen = { host: HERE.host, port: attack.port };
    await expect(ManInTheMiddle.start({ listen, to: HERE, print: () => {} })).rejects.toThrow(
      expect.objectContaining({ code: "address-unavailable" }),
    );
  });
});

test("both keys are printed as fingerprints, texts without control characters, and parting words pass", async () => {
  await using relay = await ClassicRelay.start({ port: 0, group: MODP14, clock: patientClock });
  const printed: string[] = [];
  await using attack = await ManInTheMiddle.start({
    listen: HERE,
    to: { host: HERE.host, port: relay.port },
    clock: patientClock,
    print: (line) => printed.push(line),
  });
  const client = await ListeningClient.join(attack.port);
  onTestFinished(() => client[Symbol.asyncDispose]());
  await client.connection.leave();
  expect(client.lines).toEqual(["Acknowledged"]);
  expect(printed).toEqual([
    expect.stringMatching(/^Two keys instead of one: client [0-9a-f-]{19}, server [0-9a-f-]{19}$/),
    "client -> server: !exit",
    "server -> client: Acknowledged",
    expect.stringMatching(/the connection is gone$/),
    expect.stringMatching(/the connection is gone$/),
  ]);
  expect(printed.join("\n")).not.toContain(client.connection.key.exposeHex());
});
