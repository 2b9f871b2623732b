import { expect, test } from "vitest";
import { relayAddress, relayUrl } from "./transport.ts";

test.each([
  ["chat.example.org", "wss://chat.example.org/v1", "chat.example.org"],
  ["  Chat.Example.ORG:8443 ", "wss://chat.example.org:8443/v1", "chat.example.org:8443"],
  ["chat.example.org:443", "wss://chat.example.org/v1", "chat.example.org"],
  ["192.0.2.1:7443", "wss://192.0.2.1:7443/v1", "192.0.2.1:7443"],
  ["[2001:DB8::1]:8443", "wss://[2001:db8::1]:8443/v1", "[2001:db8::1]:8443"],
  ["[::1]", "wss://[::1]/v1", "[::1]"],
  ["bücher.example", "wss://xn--bcher-kva.example/v1", "xn--bcher-kva.example"],
  ["ws://127.0.0.1:8080", "ws://127.0.0.1:8080/v1", "ws://127.0.0.1:8080"],
  ["ws://[::1]:8080", "ws://[::1]:8080/v1", "ws://[::1]:8080"],
  ["ws://localhost:8080", "ws://localhost:8080/v1", "ws://localhost:8080"],
])("%s is dialled as %s", (typed, url, address) => {
  expect(relayUrl(typed).href).toBe(url);
  expect(relayAddress(relayUrl(typed))).toBe(address);
  expect(relayUrl(relayAddress(relayUrl(typed))).href).toBe(url);
});

test.each([
  "",
  "  ",
  "two words",
  "https://chat.example.org",
  "ws:chat.example.org",
  "chat.example.org/path",
  "chat.example.org/",
  "chat.example.org?x",
  "chat.example.org#x",
  "ana@chat.example.org",
  "ana:secret@chat.example.org",
  "chat.example.org\\@evil.example",
  "2001:db8::1",
  "chat.example.org:99999",
])("%j is no address", (typed) => {
  expect(() => relayUrl(typed)).toThrow(expect.objectContaining({ code: "unreachable" }));
});

test.each([
  "ws://chat.example.org",
  "ws://192.0.2.1",
  "ws://127.0.0.1.example.org",
  "ws://localhost.example.org",
])("%s is not dialled without TLS", (typed) => {
  expect(() => relayUrl(typed)).toThrow("this machine only");
});
