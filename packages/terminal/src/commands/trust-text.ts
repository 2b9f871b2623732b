import type { Comparison, PersonTrust } from "@parley/client";

/** The server, as the trust page tells of it. All texts are safe to print. */
export interface ServerOnPage {
  readonly host: string;
  /** One clause: "pinned by the invite of 24 November 2026". */
  readonly why: string;
  readonly code: string;
  /** Entries of its log that this device holds and has computed; 0 when there is no log. */
  readonly logSize: number;
  readonly alarms: readonly string[];
  readonly warnings: readonly string[];
}

/** Who is trusted here, and why. */
export interface TrustPage {
  readonly server: ServerOnPage;
  readonly people: readonly PersonTrust[];
}

/** The page as lines; a line may be a term and its text with a tab between. */
export function trustLines({ server, people }: TrustPage): readonly string[] {
  return [
    `${server.host}\t${server.why}`,
    `Server code\t${server.code}`,
    server.logSize > 0
      ? `Log\t${server.logSize} entries, all on this disk and computed again here`
      : "Log\tnone",
    ...server.alarms.map((alarm) => `ALARM\t${alarm}`),
    ...server.warnings.map((warning) => `Look\t${warning}`),
    "",
    ...(people.length === 0 ? ["You have not met anybody here yet."] : people.map(personLine)),
    "",
    "How to be sure of somebody: /verify @NAME",
  ];
}

/** One person on one line. */
function personLine(person: PersonTrust): string {
  return `${person.name}\t${reasons(person).join("; ")}`;
}

/** What is known of one person, the most important first. */
export function personLines(person: PersonTrust): readonly string[] {
  return [
    `Account\t${(person.account.match(/.{1,8}/g) ?? []).join(" ")}`,
    ...reasons(person).map((why, index) => `${index === 0 ? "Why" : ""}\t${why}`),
  ];
}

function reasons({ state, why, nameWarnings }: PersonTrust): readonly string[] {
  const warnings = nameWarnings.map((warning) => `LOOK TWICE: ${warning}`);
  return [
    ...warnings,
    ...why.map((one, index) => (state === "warning" && index === 0 ? `LOOK: ${one}` : one)),
  ];
}

/** How a comparison stands, and what to do next. `name` without `@`. */
export function comparisonLines(name: string, comparison: Comparison): readonly string[] {
  switch (comparison.phase) {
    case "asked":
      return [`${name} wants to compare emoji with you: call each other, then /verify @${name} emoji`];
    case "waiting":
      return [`Waiting for ${name} to type /verify @… emoji. To stop: /verify @${name} cancel`];
    case "comparing":
      return [
        ...pictureLines(comparison),
        "",
        `Does ${name} see the same seven, in this order? Say so aloud, then:`,
        `/verify @${name} match\tif so (match video, if you see each other)`,
        `/verify @${name} nomatch\tif not: somebody is between you`,
      ];
    case "confirming":
      return [`You have confirmed; waiting for ${name} to do so`];
    case "done":
      return [`You and ${name} have checked each other`];
    case "ended":
      return [`The last comparison ended: ${comparison.reason}`];
  }
}

/** The pictures with the words for them, one line each. */
export function pictureLines({ emoji }: Comparison & { readonly phase: "comparing" }): readonly string[] {
  return emoji.map((picture, index) => `${index + 1}  ${picture.emoji}\t${picture.name}`);
}

/** The 60 digits in lines of four groups, so that they can be read out. */
export function numberLines(digits: string): readonly string[] {
  const groups = digits.split(" ");
  return [0, 4, 8].map((start) => groups.slice(start, start + 4).join(" "));
}
