import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { connect, createServer } from "node:tls";
import { makeTestCertificate } from "./test-certificate.ts";

/** Ends the client's TLS with a certificate of its own, passes everything on to the relay and reads along. */
export async function startManInTheMiddle(relayPort: number, certificate = makeTestCertificate()) {
  const sockets = new Set<TLSSocket>();
  const seen: Buffer[] = [];
  const server = createServer({ ...certificate, minVersion: "TLSv1.3" }, (client) => {
    const relay = connect({ port: relayPort, host: "127.0.0.1", rejectUnauthorized: false });
    for (const [socket, other] of [
      [client, relay],
      [relay, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => other.destroy());
    }
    client.on("data", (chunk: Buffer) => {
      seen.push(chunk);
      relay.write(chunk);
    });
    relay.pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    /** Everything that clients sent, decrypted. */
    seen: () => Buffer.concat(seen),
    /** What of it came after the WebSocket upgrade: anything a client sends to a relay that it believes. */
    seenAfterUpgrade: () => {
      const all = Buffer.concat(seen);
      return all.subarray(all.indexOf("\r\n\r\n") + 4);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
