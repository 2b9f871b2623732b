import { expect, onTestFinished, test } from "vitest";
import { fetchServerChain } from "./server-chain-page.ts";
import type { TestRelayOptions } from "./test-relay.ts";
import { startTestRelay } from "./test-relay.ts";

async function pageOf(options: TestRelayOptions): Promise<Uint8Array | undefined> {
  const relay = await startTestRelay(options);
  onTestFinished(() => relay.close());
  return fetchServerChain(new URL(`${options.plain ? "ws" : "wss"}://127.0.0.1:${relay.port}/v1`));
}

const page = new TextEncoder().encode("proofs");

test("the page is got with and without TLS, whatever the certificate", async () => {
  expect(await pageOf({ serverChainPage: page })).toEqual(page);
  expect(await pageOf({ serverChainPage: page, plain: true })).toEqual(page);
});

test("there is no page when the server has none, has too long a one, or is not there", async () => {
  expect(await pageOf({})).toBeUndefined();
  expect(await pageOf({ serverChainPage: new Uint8Array(1024 * 1024) })).toHaveLength(1024 * 1024);
  expect(await pageOf({ serverChainPage: new Uint8Array(1024 * 1024 + 1) })).toBeUndefined();
  expect(await fetchServerChain(new URL("wss://127.0.0.1:1/v1"))).toBeUndefined();
});
