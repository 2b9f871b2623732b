import { describe, expect, test } from "vitest";
import { signCheckpoint } from "./checkpoint.ts";
import { cosigner } from "./cosignature.ts";
import { encodeUtf8 } from "./encoding.ts";
import { hashLeaf } from "./merkle.ts";
import { generateKey, noteSigner, noteVerifier } from "./note-key.ts";
import type { Policy } from "./policy.ts";
import { evaluatePolicy, MAX_POLICY_BYTES, parsePolicy } from "./policy.ts";
import { isQuorumMet, measureQuorum } from "./quorum.ts";
import type { NoteSignature } from "./signed-note.ts";
import { formatNote, parseNote } from "./signed-note.ts";
import { readVectors } from "./test-vectors.ts";

interface Vectors {
  readonly valid: readonly {
    readonly name: string;
    readonly policy: string;
    readonly quorum: string;
    readonly witnesses: readonly string[];
    readonly meets: readonly (readonly string[])[];
    readonly fails: readonly (readonly string[])[];
    readonly liarsForFork: number;
    readonly spareWitnesses: number;
  }[];
  readonly invalid: readonly {
    readonly name: string;
    readonly policy: string;
    readonly line: number | null;
  }[];
  readonly verdicts: {
    readonly policy: string;
    readonly nowSeconds: number;
    readonly cases: readonly {
      readonly name: string;
      readonly checkpoint: string;
      readonly met?: boolean;
      readonly quorumTimeSeconds?: number;
      readonly error?: string;
    }[];
  };
}

const vectors = readVectors<Vectors>("policy");
const parse = (text: string) => parsePolicy(encodeUtf8(text));
const pick = (policy: Policy, names: readonly string[]) =>
  new Set(policy.witnesses.filter(({ name }) => names.includes(name)));

describe("a policy file", () => {
  test.each(vectors.valid)("is read: $name", (vector) => {
    const policy = parse(vector.policy);
    const { quorum, witnesses } = policy;
    expect(quorum.kind === "none" ? "none" : quorum.name).toBe(vector.quorum);
    expect(witnesses.map(({ name }) => name)).toEqual(vector.witnesses);
    for (const names of vector.meets) expect(isQuorumMet(quorum, pick(policy, names))).toBe(true);
    for (const names of vector.fails) expect(isQuorumMet(quorum, pick(policy, names))).toBe(false);
    const { liarsForFork, spareWitnesses } = vector;
    expect(measureQuorum(quorum)).toEqual({ liarsForFork, spareWitnesses });
  });

  test.each(vectors.invalid)("is refused: $name, line $line", ({ policy, line }) => {
    const error = expect.objectContaining({
      code: "malformed-policy",
      fields: line === null ? {} : { line },
    });
    expect(() => parse(policy)).toThrow(error);
  });

  test("may name witnesses in octets that are not UTF-8, which stay distinct", () => {
    const [first, second] = vectors.valid[0]!.policy.match(/x[12]\.example\S+/g) as [string, string];
    const file = Buffer.concat([
      Buffer.from("witness \xff "),
      Buffer.from(`${first}\nwitness \xfe ${second}\nquorum \xfe\n`),
    ]);
    const latin1 = Buffer.from(file.toString("utf8"), "latin1");
    const { quorum, witnesses } = parsePolicy(latin1);
    expect(quorum).toBe(witnesses[1]);
  });

  test("has a size limit", () => {
    const filler = `#${"x".repeat(MAX_POLICY_BYTES - 14)}\n`;
    expect(parse(`${filler}quorum none\n`).quorum).toEqual({ kind: "none" });
    expect(() => parse(`${filler}quorum none\n\n`)).toThrow("too long");
  });

  test("may have 32 logs, 32 witnesses and 32 groups", async () => {
    const keysOf = async (type: number) =>
      Promise.all(Array.from({ length: 32 }, (_, index) => generateKey({ name: `k${index}.example`, type })));
    const lines = [
      ...(await keysOf(1)).map(({ vkey }) => `log ${vkey}`),
      ...(await keysOf(4)).map(({ vkey }, index) => `witness w${index} ${vkey}`),
      ...Array.from(
        { length: 32 },
        (_, index) => `group g${index} any w${index} ${index ? `g${index - 1}` : ""}`,
      ),
      "quorum g31",
    ];
    const policy = parse(`${lines.join("\n")}\n`);
    expect([policy.logs.length, policy.witnesses.length]).toEqual([32, 32]);
    expect(isQuorumMet(policy.quorum, pick(policy, ["w0"]))).toBe(true);
  });
});

describe("a checkpoint under the specification's example policy", () => {
  const policy = parse(vectors.verdicts.policy);

  test.each(vectors.verdicts.cases)("$name", async ({ checkpoint, met, quorumTimeSeconds, error }) => {
    const { nowSeconds } = vectors.verdicts;
    const evaluated = evaluatePolicy({ policy, checkpoint: encodeUtf8(checkpoint), nowSeconds });
    if (error !== undefined) {
      await expect(evaluated).rejects.toMatchObject({ code: error });
      return;
    }
    const verdict = await evaluated;
    expect(verdict.isMet).toBe(met);
    expect(verdict.quorumTimeSeconds).toBe(quorumTimeSeconds);
  });
});

describe("a policy without logs", async () => {
  const log = await generateKey({ name: "log.example", type: 1 });
  const signed = await signCheckpoint({ origin: "log.example", size: 1, root: hashLeaf(new Uint8Array(0)) }, [
    await noteSigner(log.skey.reveal()),
  ]);
  const policy = parse("quorum none\n");

  test("takes the log from the caller", async () => {
    const options = { policy, checkpoint: signed, nowSeconds: 0 };
    const verdict = await evaluatePolicy({ ...options, log: noteVerifier(log.vkey) });
    expect(verdict).toMatchObject({ isMet: true, checkpoint: { size: 1 } });
    expect(verdict.quorumTimeSeconds).toBeUndefined();
    await expect(evaluatePolicy(options)).rejects.toMatchObject({ code: "not-signed" });
  });
});

describe("a split view, with every way to divide the honest witnesses", () => {
  const SIZES = [7, 5, 4, 3, 2, 1];
  test.each([
    { k: 1, n: 1, liars: 1 },
    { k: 2, n: 3, liars: 1 },
    { k: 3, n: 4, liars: 2 },
    { k: 4, n: 5, liars: 3 },
    { k: 5, n: 7, liars: 3 },
    { k: 1, n: 2, liars: 0 },
  ])("$k of $n is fooled by $liars liars and by no fewer", async ({ k, n, liars }) => {
    expect(SIZES).toContain(n);
    const log = await generateKey({ name: "log.example", type: 1 });
    const logSigner = await noteSigner(log.skey.reveal());
    const keys = await Promise.all(
      Array.from({ length: n }, (_, index) => generateKey({ name: `w${index}.example`, type: 4 })),
    );
    const policy = parse(
      [
        `log ${log.vkey}`,
        ...keys.map(({ vkey }, index) => `witness w${index} ${vkey}`),
        `group g ${k} ${keys.map((_, index) => `w${index}`).join(" ")}`,
        "quorum g",
      ].join("\n"),
    );
    const views = await Promise.all(
      ["left", "right"].map(async (side) => {
        const root = hashLeaf(encodeUtf8(side));
        const note = parseNote(await signCheckpoint({ origin: "log.example", size: 1, root }, [logSigner]));
        const cosignatures: NoteSignature[] = [];
        for (const { skey } of keys) {
          cosignatures.push(await (await cosigner(skey.reveal())).cosign(note.text, 1));
        }
        return { note, cosignatures };
      }),
    );
    // Whether each set of witnesses, as a bit mask, makes each view pass.
    const passes = await Promise.all(
      views.map(({ note, cosignatures }) =>
        Promise.all(
          Array.from({ length: 2 ** n }, async (_, mask) => {
            const added = cosignatures.filter((_, bit) => mask & (1 << bit));
            const checkpoint = formatNote({ text: note.text, signatures: [...note.signatures, ...added] });
            return (await evaluatePolicy({ policy, checkpoint, nowSeconds: 1 })).isMet;
          }),
        ),
      ),
    );
    // The first `bad` witnesses sign both views, each other one of them signs one or is away.
    const isFooled = (bad: number): boolean => {
      const liarMask = 2 ** bad - 1;
      for (let left = 0; left < 2 ** n; left += 1) {
        for (let right = 0; right < 2 ** n; right += 1) {
          const both = left & right;
          if ((both & ~liarMask) === 0 && passes[0]![left | liarMask] && passes[1]![right | liarMask])
            return true;
        }
      }
      return false;
    };
    for (let bad = 0; bad <= n; bad += 1) expect(isFooled(bad)).toBe(bad >= liars);
  });
});
