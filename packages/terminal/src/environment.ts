import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { backgroundFromColorFgBg } from "./screen/background.ts";
import type { Background } from "./screen/palette.ts";

/** What the surroundings say. The only reader of the process's environment. */
export interface Environment {
  /** Where everything of this user lies: `PARLEY_HOME`, or the XDG data folder's `parley`. */
  readonly home: string;
  /** False with `NO_COLOR` (no-color.org) and on a terminal that knows none. */
  readonly colour: boolean;
  /** From `COLORFGBG`; undefined when it does not say. */
  readonly background: Background | undefined;
  /** Whether `TERM` names a terminal that can show a full screen. */
  readonly fullScreen: boolean;
  /** A name to propose: this user's login, as far as it is one that can be claimed. */
  readonly loginName: string | undefined;
  /** `PARLEY_PASSWORD_FILE`: the file with the password of the account. */
  readonly passwordFile: string | undefined;
}

/** Reads the environment of the process, or the one given. */
export function readEnvironment(
  variables: Readonly<Record<string, string | undefined>> = process.env,
): Environment {
  const data =
    set(variables["XDG_DATA_HOME"]) ?? join(set(variables["HOME"]) ?? homedir(), ".local", "share");
  const terminal = variables["TERM"] ?? "";
  return {
    home: set(variables["PARLEY_HOME"]) ?? join(data, "parley"),
    colour: set(variables["NO_COLOR"]) === undefined && terminal !== "dumb",
    background: backgroundFromColorFgBg(variables["COLORFGBG"]),
    fullScreen: terminal !== "dumb",
    passwordFile: set(variables["PARLEY_PASSWORD_FILE"]),
    loginName: claimable(set(variables["USER"]) ?? userInfo().username),
  };
}

/** Where a profile's account lies. Throws nothing; {@link isProfile} says whether the name is one. */
export function profileFolder({ home }: Environment, profile: string): string {
  return join(home, "accounts", profile);
}

/** Whether a profile may be called that: it is a folder's name. */
export function isProfile(name: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,63}$/i.test(name);
}

/** Where the relay of `parley start` lies. */
export function relayFolder({ home }: Environment): string {
  return join(home, "relay");
}

/** Where the witness of this machine lies. */
export function witnessFolder({ home }: Environment): string {
  return join(home, "witness");
}

function set(value: string | undefined): string | undefined {
  return value === undefined || value === "" ? undefined : value;
}

function claimable(login: string): string | undefined {
  const name = login
    .toLowerCase()
    .replace(/[^a-z0-9._-]/g, "")
    .slice(0, 32);
  return name === "" || name === "root" ? undefined : name;
}
