import { get as getPlain } from "node:http";
import { get as getTls } from "node:https";

const PATH = "/log/server-chain";
const TIMEOUT_MS = 10_000;
const MAX_BYTES = 1024 * 1024;

/**
 * Gets the page by which a server proves that its keys are in its log (docs/protocol.md §8.2). The channel is not judged:
 * the page is worth what its proofs are. Undefined when there is no such page.
 */
export async function fetchServerChain(relay: URL): Promise<Uint8Array | undefined> {
  const plain = relay.protocol === "ws:";
  const url = new URL(PATH, `${plain ? "http" : "https"}://${relay.host}`);
  const options = {
    minVersion: "TLSv1.3",
    rejectUnauthorized: false,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  } as const;
  const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
  const none = () => resolve(undefined);
  const request = (plain ? getPlain : getTls)(url, options, (response) => {
    if (response.statusCode !== 200) {
      response.destroy();
      none();
      return;
    }
    const parts: Buffer[] = [];
    let length = 0;
    response.on("data", (part: Buffer) => {
      parts.push(part);
      length += part.length;
      if (length <= MAX_BYTES) return;
      response.destroy();
      none();
    });
    response.on("end", () => resolve(Uint8Array.from(Buffer.concat(parts))));
    response.on("error", none);
  });
  request.on("error", none);
  return promise;
}
