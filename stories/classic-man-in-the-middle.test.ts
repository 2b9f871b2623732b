import { ClassicRelay, ManInTheMiddle, MODP14 } from "@parley/classic";
import { ListeningClient, OriginalClient, OriginalServer, patientClock } from "@parley/classic/testing";
import { expect, onTestFinished, test } from "vitest";

const ADDRESS = "127.0.0.1";

/** The attacker in front of a server, and the lines it prints. */
async function standInFront(serverPort: number) {
  const printed: string[] = [];
  let wake = () => {};
  const attack = await ManInTheMiddle.start({
    listen: { host: ADDRESS, port: 0 },
    to: { host: ADDRESS, port: serverPort },
    clock: patientClock,
    print: (line) => {
      printed.push(line);
      wake();
    },
  });
  onTestFinished(() => attack.close());
  const prints = async (line: string) => {
    while (!printed.includes(line)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { port: attack.port, printed, prints };
}

const is = (wanted: string) => (line: string) => line === wanted;

test("between an original client and an original server all is read, and neither end can tell", async () => {
  await using server = await OriginalServer.start((0x010100n << 2048n) | MODP14.p, 258n);
  const { port, prints } = await standInFront(server.port);
  using bob = await OriginalClient.join(server.port);
  using ann = await OriginalClient.join(port);
  await bob.waitFor(is(`${ADDRESS} has joined`));
  ann.send("the key is under the blue pot");
  await bob.waitFor(is(`${ADDRESS}: the key is under the blue pot`));
  bob.send("thank you");
  await ann.waitFor(is(`${ADDRESS}: thank you`));
  await prints("client -> server: the key is under the blue pot");
  await prints(`server -> client: ${ADDRESS}: thank you`);
  expect(server.faults).toEqual([]);
});

test("between our own ends all is read too; only the fingerprints differ", async () => {
  const log: string[] = [];
  await using relay = await ClassicRelay.start({
    port: 0,
    group: MODP14,
    clock: patientClock,
    log: (line) => log.push(line),
  });
  const { port, printed, prints } = await standInFront(relay.port);
  await using bob = await ListeningClient.join(relay.port);
  await using ann = await ListeningClient.join(port);
  expect(ann.connection.warnings).toEqual([]);
  ann.send("grüße, the key is under the blue pot €");
  await bob.waitFor(is(`${ADDRESS}: grüße, the key is under the blue pot €`));
  await prints("client -> server: grüße, the key is under the blue pot €");

  const atTheServer = log.filter((line) => line.startsWith("Client Key"));
  expect(atTheServer.some((line) => line.includes(bob.connection.key.fingerprint))).toBe(true);
  expect(atTheServer.some((line) => line.includes(ann.connection.key.fingerprint))).toBe(false);
  expect(printed[0]).toContain(ann.connection.key.fingerprint);
});

test("what goes beyond ASCII costs nobody the connection to an original server", async () => {
  await using server = await OriginalServer.start((0x010100n << 2048n) | MODP14.p, 258n);
  const { port } = await standInFront(server.port);
  await using bob = await ListeningClient.join(server.port);
  await using ann = await ListeningClient.join(port);
  // Hearing something shows the client that it talks to an end of ours, which can read everything.
  bob.send("who is there?");
  await ann.waitFor(is(`${ADDRESS}: who is there?`));
  ann.send("grüße");
  ann.send("still here");
  await bob.waitFor(is(`${ADDRESS}: grüße`));
  await bob.waitFor(is(`${ADDRESS}: still here`));
  expect(server.faults).toEqual([]);
});
