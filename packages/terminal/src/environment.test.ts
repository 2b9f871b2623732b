import { expect, test } from "vitest";
import { isProfile, profileFolder, readEnvironment, relayFolder } from "./environment.ts";

test("folders follow XDG, and PARLEY_HOME goes before it", () => {
  const plain = readEnvironment({ HOME: "/home/ana" });
  expect(plain.home).toBe("/home/ana/.local/share/parley");
  expect(readEnvironment({ HOME: "/home/ana", XDG_DATA_HOME: "/data" }).home).toBe("/data/parley");
  expect(readEnvironment({ HOME: "/home/ana", XDG_DATA_HOME: "/data", PARLEY_HOME: "/p" }).home).toBe("/p");
  expect(profileFolder(plain, "work")).toBe("/home/ana/.local/share/parley/accounts/work");
  expect(relayFolder(plain)).toBe("/home/ana/.local/share/parley/relay");
});

test("colour and background", () => {
  expect(readEnvironment({ TERM: "xterm" }).colour).toBe(true);
  expect(readEnvironment({ TERM: "xterm", NO_COLOR: "1" }).colour).toBe(false);
  expect(readEnvironment({ TERM: "xterm", NO_COLOR: "" }).colour).toBe(true);
  expect(readEnvironment({ TERM: "dumb" })).toMatchObject({ colour: false, fullScreen: false });
  expect(readEnvironment({ COLORFGBG: "0;15" }).background).toBe("light");
});

test("proposes a name that can be claimed", () => {
  expect(readEnvironment({ USER: "Ana.Maria" }).loginName).toBe("ana.maria");
  expect(readEnvironment({ USER: "root" }).loginName).toBeUndefined();
});

test("a profile is the name of one folder", () => {
  expect(["default", "work-2", "a.b"].every(isProfile)).toBe(true);
  expect(["", "..", "../x", "a/b", "-p", ".hidden"].some(isProfile)).toBe(false);
});
