import { describe, expect, test } from "vitest";
import { parseCommand } from "./arguments.ts";

describe("what is asked for", () => {
  test("serve, with the original's address and a prime of its own unless told otherwise", () => {
    const usual = { verb: "serve", host: "127.0.0.1", port: 39482, group: "generate" };
    expect(parseCommand(["serve"])).toEqual({ ...usual, paramsPath: undefined, showSecrets: false });
    expect(
      parseCommand(["serve", "--host", "0.0.0.0", "--port=1", "--group", "modp14", "--show-secrets"]),
    ).toEqual({
      verb: "serve",
      host: "0.0.0.0",
      port: 1,
      group: "modp14",
      paramsPath: undefined,
      showSecrets: true,
    });
    expect(parseCommand(["serve", "--params", "dh.pem"])).toMatchObject({ paramsPath: "dh.pem" });
  });

  test("join HOST", () => {
    expect(parseCommand(["join", "10.0.0.1"])).toEqual({
      verb: "join",
      host: "10.0.0.1",
      port: 39482,
      showSecrets: false,
    });
    expect(parseCommand(["join", "--port", "65535", "::1"])).toMatchObject({ host: "::1", port: 65535 });
  });

  test("mitm, this machine unless a host is named", () => {
    expect(parseCommand(["mitm", "--listen", "4000", "--to", "[::1]:39482"])).toEqual({
      verb: "mitm",
      listen: { host: "127.0.0.1", port: 4000 },
      to: { host: "::1", port: 39482 },
    });
  });

  test.each([[[]], [["help"]], [["--help"]], [["serve", "-h"]]])("help: %j", (args) => {
    expect(parseCommand(args)).toEqual({ verb: "help" });
  });
});

test.each([
  [["listen"], "listen is no command"],
  [["--port", "1"], "serve, join or mitm is missing"],
  [["join"], "join needs the HOST"],
  [["join", "a", "b"], "join does not take b"],
  [["serve", "a"], "serve does not take a"],
  [["serve", "--port", "65536"], "65536 is no port"],
  [["serve", "--port", "-1"], "--port"],
  [["serve", "--port", "0x10"], "0x10 is no port"],
  [["serve", "--group", "modp5"], "--group knows modp14, not modp5"],
  [["serve", "--group", "modp14", "--params", "x"], "exclude each other"],
  [["serve", "--to", "1"], "serve takes no --to"],
  [["join", "a", "--host", "b"], "join takes no --host"],
  [["mitm", "--listen", "1"], "mitm needs --to"],
  [["mitm", "--listen", "1", "--to", "localhost"], "localhost is no port"],
  [["serve", "--colour"], "Unknown option '--colour'"],
])("%j is refused with one sentence", (args, what) => {
  const attempt = () => parseCommand(args);
  expect(attempt).toThrow(expect.objectContaining({ code: "bad-usage" }));
  expect(attempt).toThrow(what);
  expect(attempt).toThrow(/^parley classic: [^\n]+; see `parley classic --help`\.$/);
});
