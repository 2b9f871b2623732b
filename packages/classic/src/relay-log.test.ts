import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { pythonBytes, RelayLog } from "./relay-log.ts";
import { SessionKey } from "./session-key.ts";

function logWith(showsSecrets: boolean) {
  const lines: string[] = [];
  return { lines, log: new RelayLog((line) => lines.push(line), showsSecrets) };
}

const keyBytes = randomBytes(32);
const key = new SessionKey(keyBytes);
const message = { text: "a\u001b[2Jb\nc", packetBytes: 48, packet: Buffer.from("a'b") };

describe("the log", () => {
  test("says nothing of keys, packets and texts unless told to", () => {
    const { lines, log } = logWith(false);
    log.clientKey(key);
    log.received("10.0.0.1", message);
    expect(lines).toEqual([`Client Key: hidden, fingerprint ${key.fingerprint}`]);
    expect(lines.join()).not.toContain(keyBytes.toString("hex"));
  });

  test("prints them as the original does when told to, without control characters", () => {
    const { lines, log } = logWith(true);
    log.clientKey(key);
    log.received("10.0.0.1", message);
    expect(lines).toEqual([
      `Client Key: ${keyBytes.toString("hex")}`,
      `10.0.0.1 [Raw]: b"a'b"`,
      "10.0.0.1 [Decrypted]: a\ufffd[2Jb c",
    ]);
  });

  test("is one line for each call, whatever is in it", () => {
    const { lines, log } = logWith(false);
    log.line("one\r\n127.0.0.1 has joined");
    expect(lines).toEqual(["one 127.0.0.1 has joined"]);
  });
});

test.each([
  ["plain ASCII", Buffer.from("ab ~"), "b'ab ~'"],
  ["a quote", Buffer.from("it's"), `b"it's"`],
  ["both quotes", Buffer.from(`'"`), `b'\\'"'`],
  ["a backslash", Buffer.from("\\"), "b'\\\\'"],
  ["what has a name", Buffer.from("\t\n\r"), "b'\\t\\n\\r'"],
  ["everything else", Buffer.from([0, 0x7f, 0x80, 0xff]), "b'\\x00\\x7f\\x80\\xff'"],
])("bytes are written as Python's repr writes them: %s", (_name, bytes, text) => {
  expect(pythonBytes(bytes)).toBe(text);
});
