import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import { connect, createServer } from "node:net";

/** A wire between clients and relay that breaks when it is told to, in the middle of whatever is on it. */
export class CuttingProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #cuts = new Set<{ leftBytes: number; cut: () => void }>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Leads to a port of this machine. */
  static async start(port: number): Promise<CuttingProxy> {
    const server = createServer({ allowHalfOpen: true });
    const proxy = new CuttingProxy(server);
    server.on("connection", (client) => proxy.#join(client, connect({ port, host: "127.0.0.1" })));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cuts one of the open connections when `afterBytes` more have come from the relay: the rest of them is lost. */
  cutOne(which: (count: number) => number, afterBytes: number): void {
    const wire = [...this.#cuts][which(this.#cuts.size)];
    if (!wire) return;
    wire.leftBytes = afterBytes;
    if (afterBytes === 0) wire.cut();
  }

  /** No cut that was asked for comes any more. */
  mend(): void {
    for (const wire of this.#cuts) wire.leftBytes = Number.POSITIVE_INFINITY;
  }

  #join(client: Socket, relay: Socket): void {
    const wire = {
      leftBytes: Number.POSITIVE_INFINITY,
      cut: () => {
        this.#cuts.delete(wire);
        client.destroy();
        relay.destroy();
      },
    };
    this.#cuts.add(wire);
    for (const socket of [client, relay]) {
      socket.on("error", wire.cut);
      socket.on("close", wire.cut);
    }
    client.on("data", (bytes) => relay.write(bytes));
    client.on("end", () => relay.end());
    relay.on("end", () => client.end());
    relay.on("data", (bytes: Buffer) => {
      client.write(bytes.subarray(0, wire.leftBytes));
      wire.leftBytes -= bytes.length;
      if (wire.leftBytes <= 0) client.end(wire.cut);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { cut } of [...this.#cuts]) cut();
    this.#server.close();
    await once(this.#server, "close");
  }
}
