import { readFile, writeFile } from "node:fs/promises";
import type { PolicyStatus } from "@parley/client";
import { PRESET_NAMES } from "@parley/trust";
import { verifyForkEvidence } from "@parley/trust/tlog";
import { CommandFailure } from "../command-failure.ts";
import { openPolicy, replaceAccountServer } from "../composition.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { LocalPolicy } from "../local-policy.ts";
import type { VerbContext } from "../program.ts";
import type { TrustActions, TrustArguments } from "./trust-action.ts";

const JSON_OPTION = { json: { type: "boolean" } } as const;

/** What `parley trust` does about servers, witnesses and rules. */
export const POLICY_ACTIONS: TrustActions = {
  add: {
    usage: "FILE [--require-sig VKEY…]",
    help: "believe a signed file of servers, witnesses and keys; with --require-sig, that one and later ones only when one of these keys signed them",
    options: { "require-sig": { type: "string", multiple: true } },
    run: runAdd,
  },
  replace: {
    usage: "HOST --code DIGITS | --invite LINK",
    help: "take another server for the one remembered, as its operator told you by another way",
    options: { code: { type: "string" }, invite: { type: "string" } },
    run: runReplace,
  },
  policy: {
    usage: "show | set PRESET | test PRESET|FILE [--json]",
    help: `say the rules; choose ${PRESET_NAMES.join(", ")}; hold everybody you know against other rules (exit 10 when they do not all pass)`,
    options: JSON_OPTION,
    run: runPolicy,
  },
  witnesses: {
    usage: "[--json]",
    help: "say who has signed the server's log, and when; exit 10 when too few have, or too long ago",
    options: JSON_OPTION,
    run: runWitnesses,
  },
  evidence: {
    usage: "list | export FILE",
    help: "say what proves that the server's log forked (exit 12), or write it to a file for others",
    options: {},
    run: runEvidence,
  },
};

async function runAdd(context: VerbContext, { words, options }: TrustArguments): Promise<ExitCode> {
  const [file] = exactly(words, 1, "add FILE");
  const requireSignature = (options["require-sig"] ?? []) as readonly string[];
  const note = Uint8Array.from(await readFile(file ?? ""));
  return withPolicy(context, async (policy) => {
    const title = await policy.addTrustFile({ note, requireSignature });
    const { quorum } = await policy.status();
    await context.streams.print(`Taken: ${title}`);
    if (quorum !== "")
      await context.streams.print(`The server's log now has to be signed by ${quorum} witnesses.`);
    return EXIT_CODES.ok;
  });
}

async function runReplace(context: VerbContext, { words, options }: TrustArguments): Promise<ExitCode> {
  const [host = ""] = exactly(words, 1, "replace HOST --code DIGITS | --invite LINK");
  const { code, invite } = options;
  if ((typeof code === "string") === (typeof invite === "string"))
    throw usage("replace HOST --code DIGITS | --invite LINK");
  const by = typeof code === "string" ? { code } : { link: String(invite).replace(/\s+/g, "") };
  const server = await replaceAccountServer(context, { host, by });
  await context.streams.print(`${server.host} is now the server with the code ${server.code}.`);
  return EXIT_CODES.ok;
}

async function runPolicy(context: VerbContext, { words, options }: TrustArguments): Promise<ExitCode> {
  const [what = "show", argument] = words;
  switch (what) {
    case "show":
      exactly(words, Math.min(words.length, 1), "policy show");
      return withPolicy(context, async (policy) => {
        const status = await policy.status();
        await print(context, options, { value: status, lines: policyLines(status) });
        return EXIT_CODES.ok;
      });
    case "set": {
      exactly(words, 2, "policy set PRESET");
      const preset = PRESET_NAMES.find((known) => known === argument);
      if (!preset) throw usage(`policy set ${PRESET_NAMES.join("|")}`);
      return withPolicy(context, async (policy) => {
        await policy.setPreset(preset);
        await context.streams.print(`Policy: ${preset}`);
        return EXIT_CODES.ok;
      });
    }
    case "test": {
      exactly(words, 2, "policy test PRESET|FILE");
      const rules = await rulesOf(argument ?? "");
      return withPolicy(context, async (policy) => {
        const outcomes = await policy.test(rules);
        const lines = outcomes.flatMap(({ name, isMet, text }) => [
          `${isMet ? "passes" : "waits"}  ${name}`,
          ...text.split("\n").map((line) => `    ${line}`),
        ]);
        await print(context, options, { value: outcomes, lines });
        return outcomes.every(({ isMet }) => isMet) ? EXIT_CODES.ok : EXIT_CODES.notProven;
      });
    }
    default:
      throw usage("policy show | set PRESET | test PRESET|FILE");
  }
}

/** A preset by its name, or what a file says. */
async function rulesOf(argument: string): Promise<string> {
  const preset = PRESET_NAMES.find((known) => known === argument);
  return preset ? `preset = "${preset}"\n` : readFile(argument, "utf8");
}

async function runWitnesses(context: VerbContext, { words, options }: TrustArguments): Promise<ExitCode> {
  exactly(words, 0, "witnesses");
  return withPolicy(context, async (policy) => {
    const status = await policy.status();
    await print(context, options, { value: status, lines: witnessLines(status) });
    return status.warnings.length > 0 ? EXIT_CODES.notProven : EXIT_CODES.ok;
  });
}

async function runEvidence(context: VerbContext, { words }: TrustArguments): Promise<ExitCode> {
  const [what = "list", file] = words;
  if (what !== "list" && what !== "export") throw usage("evidence list | export FILE");
  exactly(words, what === "export" ? 2 : Math.min(words.length, 1), "evidence list | export FILE");
  return withPolicy(context, async (policy) => {
    const found = await policy.evidence();
    if (!found) {
      if (what === "export") throw new CommandFailure("There is no evidence against this server");
      await context.streams.print("There is no evidence against this server.");
      return EXIT_CODES.ok;
    }
    const { smaller, larger } = await verifyForkEvidence(new TextEncoder().encode(found.evidence), found.key);
    if (what === "export") {
      await writeFile(file ?? "", found.evidence, { mode: 0o600, flag: "wx" });
      await context.streams.print(`Written to ${file}; anybody can check it against the log's key:`);
      await context.streams.print(found.key);
      return EXIT_CODES.ok;
    }
    await context.streams.print(`The log ${smaller.origin} forked; its key signed both:`);
    for (const { size, root } of [smaller, larger])
      await context.streams.print(`  ${size} entries, root ${root.toHex()}`);
    return EXIT_CODES.serverRolledBack;
  });
}

function policyLines(status: PolicyStatus): string[] {
  const { preset, rules, files } = status;
  return [
    `Policy: ${preset}`,
    ...rules
      .trimEnd()
      .split("\n")
      .map((line) => `    ${line}`),
    ...files.map(
      ({ title, expiresAtMs, isOver, hosts }) =>
        `File: ${title}, ${isOver ? "over since" : "good until"} ${dayOf(expiresAtMs)}${hosts.length > 0 ? `, for ${hosts.join(", ")}` : ""}`,
    ),
    ...witnessLines(status),
  ];
}

function witnessLines({ quorum, witnesses, signed, warnings }: PolicyStatus): string[] {
  if (quorum === "") return ["No witnesses: the server's log is believed as this device sees it"];
  return [
    `Witnesses: ${quorum} have to sign the server's log`,
    ...witnesses.map(
      ({ name, signedAtMs }) =>
        `  ${name}: ${signedAtMs === undefined ? "has not signed the newest" : `signed on ${dayOf(signedAtMs)}`}`,
    ),
    ...(signed ? [`Signed: ${signed.size} entries`] : []),
    ...warnings.map((warning) => `Warning: ${warning}`),
  ];
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace("T", " ");
}

async function print(
  { streams }: VerbContext,
  { json }: TrustArguments["options"],
  { value, lines }: { readonly value: object; readonly lines: readonly string[] },
): Promise<void> {
  if (json === true) await streams.print(JSON.stringify(value, undefined, 2));
  else for (const line of lines) await streams.print(line);
}

async function withPolicy(
  { folder, password }: VerbContext,
  use: (policy: LocalPolicy) => Promise<ExitCode>,
): Promise<ExitCode> {
  await using opened = await openPolicy(folder, password);
  return await use(opened.policy);
}

function exactly(words: readonly string[], count: number, form: string): readonly string[] {
  if (words.length !== count) throw usage(form);
  return words;
}

function usage(form: string): CommandFailure {
  return new CommandFailure(`It goes: parley trust ${form}`, EXIT_CODES.usage);
}
