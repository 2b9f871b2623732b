import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { loginMessage, registrationMessage } from "./login.ts";

interface Vector {
  readonly hello: string;
  readonly exporter?: string;
  readonly account: string;
  readonly device: number;
  readonly chain?: string[];
  readonly message: string;
}
const vectors: Vector[] = JSON.parse(
  readFileSync(new URL("../../../vectors/trust/logins.json", import.meta.url), "utf8"),
);

test.each(vectors)("vector: $message", ({ hello, exporter, account, device, chain, message }) => {
  const binding = {
    helloBytes: Uint8Array.fromHex(hello),
    device: { account: Uint8Array.fromHex(account), device },
    ...(exporter !== undefined && { tlsExporter: Uint8Array.fromHex(exporter) }),
  };
  const made = chain
    ? registrationMessage({ ...binding, chain: chain.map((entry) => Uint8Array.fromHex(entry)) })
    : loginMessage(binding);
  expect(made.toHex()).toBe(message);
});

const binding = {
  helloBytes: Uint8Array.of(1, 2, 3),
  tlsExporter: new Uint8Array(32).fill(4),
  device: { account: new Uint8Array(32).fill(5), device: 1 },
};
const chain = [Uint8Array.of(1), Uint8Array.of(2, 3)];

test("T4: everything that is bound changes what is signed", () => {
  const { tlsExporter: _, ...unbound } = binding;
  const messages = [
    loginMessage(binding),
    loginMessage({ ...binding, helloBytes: Uint8Array.of(1, 2, 4) }),
    loginMessage({ ...binding, tlsExporter: new Uint8Array(32).fill(5) }),
    loginMessage(unbound),
    loginMessage({ ...binding, device: { ...binding.device, device: 2 } }),
    loginMessage({ ...binding, device: { ...binding.device, account: new Uint8Array(32) } }),
    registrationMessage({ ...binding, chain }),
    registrationMessage({ ...binding, chain: [Uint8Array.of(1, 2), Uint8Array.of(3)] }),
    registrationMessage({ ...binding, chain: [Uint8Array.of(1)] }),
    registrationMessage({ ...binding, chain: [] }),
  ].map((message) => message.toHex());
  expect(new Set(messages).size).toBe(messages.length);
});

test("an exporter of another length is refused", () => {
  expect(() => loginMessage({ ...binding, tlsExporter: new Uint8Array(31) })).toThrow("malformed");
});
