import { expect, test } from "vitest";
import { formatHostAddress, isHost } from "./host-address.ts";

test.each([
  "localhost",
  "chat.example.org",
  "xn--bcher-kva.example",
  "192.0.2.7",
  "[::1]",
  "[2001:db8::7]",
  "my_box",
])("%s is a host", (host) => expect(isHost(host)).toBe(true));

test.each([
  "",
  "Chat.example",
  "chat.example.",
  ".example",
  "a..b",
  "-a.example",
  "a-.example",
  "::1",
  "[::1",
  "[v1.x]",
  "a b",
  "a/b",
  "a@b",
  "a:1",
  "bücher.example",
  "a\nb",
  `${"a".repeat(64)}.example`,
  `${"a.".repeat(127)}aa`,
])("%j is no host", (host) => expect(isHost(host)).toBe(false));

test("the usual port is left out", () => {
  expect(formatHostAddress({ host: "[::1]", port: 443 })).toBe("[::1]");
  expect(formatHostAddress({ host: "[::1]", port: 80 })).toBe("[::1]:80");
});
