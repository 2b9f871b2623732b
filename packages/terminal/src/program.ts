import { readFileSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { Environment } from "./environment.ts";
import { isProfile, profileFolder } from "./environment.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import type { PasswordSource } from "./password-source.ts";
import { passwordSource } from "./password-source.ts";
import type { AdminRequest } from "./relay-admin.ts";
import type { Streams } from "./streams.ts";

/** What every verb gets. */
export interface VerbContext {
  readonly environment: Environment;
  readonly streams: Streams;
  /** Fires on SIGINT, SIGTERM and SIGHUP. */
  readonly signal: AbortSignal;
  /** Where the chosen profile's account lies. */
  readonly folder: string;
  /** How to get the account's password, if it has one. */
  readonly password: PasswordSource;
}

/** Options of the verbs that can open the chat. */
export interface ScreenChoice {
  readonly plain: boolean;
  readonly mouse: boolean;
  readonly theme: "auto" | "dark" | "light";
}

/** What `runProgram` needs. */
export interface ProgramOptions {
  /** Without the interpreter and the script. */
  readonly args: readonly string[];
  readonly environment: Environment;
  readonly streams: Streams;
  readonly signal: AbortSignal;
}

/** Runs `parley` with its arguments and returns the exit code. Throws nothing. */
export async function runProgram({ args, environment, streams, signal }: ProgramOptions): Promise<number> {
  const [verb, ...rest] = args;
  try {
    if (verb === "classic") {
      const { runClassicVerb } = await import("./verbs/classic.ts");
      return await runClassicVerb(rest, streams, signal);
    }
    let exitCode: number = EXIT_CODES.ok;
    const program = describe({ environment, streams, signal }, (code) => {
      exitCode = code;
    });
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage;
    const { tell } = await import("./failure.ts");
    const { text, exitCode } = tell(error);
    streams.warn(`parley: ${text}`);
    return exitCode;
  }
}

/** What every verb understands that opens an account. */
const PASSWORD_FILE = [
  "--password-file <file>",
  "the account's password is the first line of this file",
] as const;

type Outer = Omit<VerbContext, "folder" | "password">;

/** Each verb's module is loaded when it is run: a start in a fifth of the time. */
function describe(outer: Outer, done: (exitCode: number) => void): Command {
  const { streams } = outer;
  const program = new Command("parley")
    .description("Self-hosted, end-to-end encrypted group chat.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this, or the help of a command")
    .helpCommand(false)
    .usage("[options] [command]")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => streams.stdout.write(text),
      writeErr: (text) => streams.stderr.write(text.replace(/^error: /, "parley: ")),
    })
    .showSuggestionAfterError(true)
    .enablePositionalOptions()
    .addHelpText("after", `\n${exitCodeHelp()}`);
  const verb = (usage: string, help: string): Command =>
    program
      .command(usage)
      .description(help)
      .option("-p, --profile <name>", "which account of this machine", parseProfile, "default")
      .option(...PASSWORD_FILE);
  const context = ({ profile, passwordFile }: { profile: string; passwordFile?: string }): VerbContext => ({
    ...outer,
    folder: profileFolder(outer.environment, profile),
    password: passwordSource(streams, passwordFile ?? outer.environment.passwordFile),
  });

  withScreen(verb("start", "open the chat; the first time, make everything it needs on this machine")).action(
    async (options) => done(await (await import("./verbs/start.ts")).runStart(context(options), options)),
  );
  withScreen(verb("join <link>", "come to a server with an invite link"))
    .option("-n, --name <name>", "the name to be known by")
    .option("--no-open", "do not open the chat afterwards")
    .action(async (link, options) =>
      done(await (await import("./verbs/join.ts")).runJoin(context(options), link, options)),
    );
  withScreen(verb("connect <host>", "come to a server without a link; something must speak for it"))
    .option("-n, --name <name>", "the name to be known by")
    .option("-c, --code <digits>", "the server's 30 digits, read to you by somebody who is there")
    .option("--no-open", "do not open the chat afterwards")
    .action(async (host, options) =>
      done(await (await import("./verbs/connect.ts")).runConnect(context(options), host, options)),
    );
  verb("invite", "print a link that brings one new person here")
    .option("-r, --room <room>", "and into this room")
    .option("--hours <hours>", "how long it is good for", parsePositive)
    .action(async (options) =>
      done(await (await import("./verbs/invite.ts")).runInvite(context(options), options)),
    );
  verb("send <room> [text]", "send a message; without text, or with -, what comes on standard input")
    .option("--wait <seconds>", "how long to wait for the relay to have it", parsePositive, 30)
    .action(async (room, text, options) =>
      done(await (await import("./verbs/send.ts")).runSend(context(options), { ...options, room, text })),
    );
  verb("tail <room>", "print a room's newest messages")
    .option("--json", "one JSON object a line")
    .option("-f, --follow", "go on with what comes")
    .option("-s, --since <time>", "only what is newer: 2026-11-24T14:00, 14:00, 30m, 2h, 3d", (text) => text)
    .option("-c, --count <number>", "at most so many older ones", parsePositive, 20)
    .action(async (room, options) =>
      done(await (await import("./verbs/tail.ts")).runTail(context(options), room, options)),
    );
  verb("rooms", "list the rooms")
    .option("--json", "as a JSON array")
    .action(async (options) =>
      done(await (await import("./verbs/rooms.ts")).runRooms(context(options), options)),
    );
  verb("status", "say who you are, where, and what is new")
    .option("--json", "as a JSON object")
    .action(async (options) =>
      done(await (await import("./verbs/status.ts")).runStatus(context(options), options)),
    );
  verb("do <command...>", "run a slash command: parley do -r garden /topic roses")
    .option("-r, --room <room>", "in this room")
    .passThroughOptions()
    .action(async (words, options) =>
      done(await (await import("./verbs/do.ts")).runDo(context(options), words, options)),
    );
  program
    .command("trust")
    .description("who is trusted, and why; `parley trust help` lists what there is")
    .option("-p, --profile <name>", "which account of this machine", parseProfile, "default")
    .option(...PASSWORD_FILE)
    .argument("[words...]")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (words, options) =>
      done(await (await import("./verbs/trust.ts")).runTrust(context(options), words)),
    );
  const log = program
    .command("log")
    .description("the server's log of everybody's keys, as this device holds it");
  const logVerb = (usage: string, help: string): Command =>
    log
      .command(usage)
      .description(help)
      .option("-p, --profile <name>", "which account of this machine", parseProfile, "default")
      .option(...PASSWORD_FILE);
  logVerb("sync", "fetch what is new").action(async (options) =>
    done(await (await import("./verbs/log.ts")).runLogSync(context(options))),
  );
  logVerb("check", "compute it all again").action(async (options) =>
    done(await (await import("./verbs/log.ts")).runLogCheck(context(options))),
  );
  logVerb("monitor", "fetch what is new now and then, and say what is wrong, until told to stop")
    .option("--every <minutes>", "how long to wait in between", parsePositive, 10)
    .action(async (options) =>
      done(await (await import("./verbs/log.ts")).runLogMonitor(context(options), options)),
    );
  logVerb("prove <name>", "print proofs that a person's keys are in it").action(async (name, options) =>
    done(await (await import("./verbs/log.ts")).runLogProve(context(options), name)),
  );
  logVerb("export <file>", "write all of it to a file").action(async (file, options) =>
    done(await (await import("./verbs/log.ts")).runLogExport(context(options), file)),
  );
  const password = program
    .command("password")
    .description("seal what this device keeps with a password, asked for here or in a file");
  const passwordVerb = (usage: string, help: string): Command =>
    password
      .command(usage)
      .description(help)
      .option("-p, --profile <name>", "which account of this machine", parseProfile, "default")
      .option(...PASSWORD_FILE);
  passwordVerb("set", "from now on a password is needed to open this account").action(async (options) =>
    done(await (await import("./verbs/password.ts")).runPasswordSet(context(options))),
  );
  passwordVerb("change", "take another password; everything is sealed anew")
    .option("--new-password-file <file>", "the new password is the first line of this file")
    .action(async (options) =>
      done(await (await import("./verbs/password.ts")).runPasswordChange(context(options), options)),
    );
  passwordVerb("remove", "take the seal away").action(async (options) =>
    done(await (await import("./verbs/password.ts")).runPasswordRemove(context(options))),
  );
  passwordVerb("words", "print the recovery words that are still to be written down").action(
    async (options) => done(await (await import("./verbs/password.ts")).runPasswordWords(context(options))),
  );
  const witness = program.command("witness").description("cosign the logs of other people's servers");
  const witnessVerb = (usage: string, help: string): Command =>
    witness
      .command(usage)
      .description(help)
      .option("-d, --data <folder>", "where it keeps its key and its memory");
  witnessVerb("init <name>", "make a witness; its name is HOST/PATH").action(async (name, options) =>
    done(await (await import("./verbs/witness.ts")).runWitnessInit(outer, name, options)),
  );
  witnessVerb("run", "answer logs until told to stop")
    .option("-l, --listen <address>", "HOST:PORT to listen on (default: 127.0.0.1:7445)")
    .action(async (options) => done(await (await import("./verbs/witness.ts")).runWitness(outer, options)));
  witnessVerb("add-log <vkey>", "know a log by its key").action(async (vkey, options) =>
    done(await (await import("./verbs/witness.ts")).runWitnessAddLog(outer, vkey, options)),
  );
  witnessVerb("status", "say which logs are known, and what was cosigned").action(async (options) =>
    done(await (await import("./verbs/witness.ts")).runWitnessStatus(outer, options)),
  );
  program
    .command("serve")
    .description("run a relay")
    .option("-l, --listen <address>", "HOST:PORT to listen on (default: 127.0.0.1:7443)")
    .option("-d, --data <folder>", "where it keeps its data")
    .option("--host-name <name...>", "by what name people reach it, as it stands in links")
    .addOption(
      new Option("--registration <mode>", "who may make an account")
        .choices(["invite", "open", "closed"])
        .default("invite"),
    )
    .option("--tls-cert <file>", "your own certificate chain, PEM")
    .option("--tls-key <file>", "and its key")
    .option(
      "--behind-proxy",
      "a proxy on this machine ends TLS; list its key in tls-spki.txt in the data folder",
    )
    .addOption(
      new Option("--log <level>", "what goes to standard error")
        .choices(["silent", "error", "warn", "info"])
        .default("warn"),
    )
    .option("--witness <vkey=url...>", "who is asked to cosign the log of this server")
    .option("-y, --yes", "ask nothing; the recovery words go to a file that only you can read")
    .addOption(new Option("--companion", "stop when the process that started this one ends").hideHelp())
    .action(async (options) => done(await (await import("./verbs/serve.ts")).runServe(outer, options)));
  describeAdmin(program, async (request, options) =>
    done(await (await import("./verbs/admin.ts")).runAdmin(outer, request, options)),
  );
  program
    .command("backup <folder>")
    .description("copy a relay, while it runs, into a new folder, and check the copy")
    .option("-d, --data <folder>", "the relay's data (default: that of parley start)")
    .option("--json", "say as JSON what was copied")
    .action(async (folder, options) =>
      done(await (await import("./verbs/backup.ts")).runBackup(outer, folder, options)),
    );
  program
    .command("restore [backup]")
    .description("put a backup back into a new folder; fill up the log of a relay that was put back")
    .option("-d, --data <folder>", "where the relay is to keep its data (default: that of parley start)")
    .option("--log-from <file>", "what a member wrote with parley log export")
    .option("--accept-log-loss", "go on with the log as it is: who has seen more of it will stay away")
    .action(async (backup, options) =>
      done(await (await import("./verbs/restore.ts")).runRestore(outer, backup, options)),
    );
  program
    .command("demo")
    .description("show everything at work on this machine, in half a minute")
    .action(async () => done(await (await import("./verbs/demo.ts")).runDemo(outer)));
  program
    .command("demo-person <folder>", { hidden: true })
    .action(async (folder) => done(await (await import("./verbs/demo.ts")).runDemoPerson(folder)));
  program
    .command("classic")
    .description("SecureChat v1: relay and client of the original chat")
    .helpOption(false);
  withScreen(program)
    .option("-p, --profile <name>", "which account of this machine", parseProfile, "default")
    .option(...PASSWORD_FILE)
    .argument("[nothing]")
    .action(async (extra, options) => {
      if (extra !== undefined) return program.error(`error: unknown command '${extra}'`);
      done(await (await import("./verbs/start.ts")).runStart(context(options), options));
    });
  return program;
}

/** The verbs of an operator; each asks the relay that runs on the folder. */
function describeAdmin(
  program: Command,
  ask: (request: AdminRequest, options: { data?: string; json?: boolean }) => Promise<void>,
): void {
  const admin = program
    .command("admin")
    .description("run a relay: who is here, what it holds, who may come in");
  const verb = (usage: string, help: string): Command =>
    admin
      .command(usage)
      .description(help)
      .option("-d, --data <folder>", "the relay's data (default: that of parley start)")
      .option("--json", "one JSON object a line");
  verb("users", "list the accounts").action((options) => ask({ ask: "users" }, options));
  verb("user <name>", "say what an account has and costs").action((name, options) =>
    ask({ ask: "user", name }, options),
  );
  verb("devices <name>", "list an account's devices").action((name, options) =>
    ask({ ask: "devices", name }, options),
  );
  verb("disable <name>", "let an account in no more, and send its devices away").action((name, options) =>
    ask({ ask: "disable", name }, options),
  );
  verb("enable <name>", "let it in again").action((name, options) => ask({ ask: "enable", name }, options));
  verb("quota <name> <bytes>", "limit what an account may store in rooms, or lift the limit with none")
    .option("--inbox <bytes>", "and what may wait in its inboxes", "none")
    .action(async (name, bytes, { inbox, ...options }) => {
      const { parseQuota } = await import("./verbs/admin.ts");
      const [roomBytes, inboxBytes] = [parseQuota(bytes), parseQuota(inbox)];
      await ask({ ask: "quota", name, roomBytes, inboxBytes }, options);
    });
  verb("invites", "list the invites that are good").action((options) => ask({ ask: "invites" }, options));
  verb("revoke-invite <id>", "make an invite worthless").action((id, options) =>
    ask({ ask: "revoke-invite", id }, options),
  );
  verb("storage", "say what the relay holds").action((options) => ask({ ask: "storage" }, options));
  verb("end-repair", "the log of a restored relay is whole: go on with it").action((options) =>
    ask({ ask: "end-repair" }, options),
  );
  verb("sessions", "list the devices that are logged in").action((options) =>
    ask({ ask: "sessions" }, options),
  );
  verb("end-session <id>", "hang up on a device; it may come again").action((id, options) =>
    ask({ ask: "end-session", session: parsePositive(id) }, options),
  );
}

function withScreen(command: Command): Command {
  return command
    .option("--plain", "for screen readers: one line after the other, nothing is redrawn")
    .option("--no-mouse", "leave the mouse to the terminal")
    .addOption(
      new Option("--theme <theme>", "colours for which background")
        .choices(["auto", "dark", "light"])
        .default("auto"),
    );
}

function parseProfile(name: string): string {
  if (isProfile(name)) return name;
  throw new InvalidArgumentError("A profile's name is made of letters, digits, dots and dashes.");
}

function parsePositive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("It has to be a number above zero.");
}

function exitCodeHelp(): string {
  const words: Readonly<Record<keyof typeof EXIT_CODES, string>> = {
    ok: "well",
    failure: "it failed",
    usage: "wrong usage",
    locked: "the account's password is missing or wrong",
    notProven: "the server is not proven",
    serverChanged: "the server changed its identity",
    serverRolledBack: "the server was rolled back",
    refused: "refused by the relay",
    offline: "the relay is out of reach",
  };
  const rows = Object.entries(words).map(
    ([name, text]) => `  ${String(EXIT_CODES[name as keyof typeof EXIT_CODES]).padEnd(4)}${text}`,
  );
  return ["Exit codes:", ...rows].join("\n");
}

function version(): string {
  const { version: text } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return text;
}
