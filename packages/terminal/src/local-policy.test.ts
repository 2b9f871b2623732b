import type { ClientPolicy } from "@parley/client";
import { ChatError } from "@parley/client";
import type { Json } from "@parley/client/node";
import { PRESETS, parsePolicyFile, TrustError } from "@parley/trust";
import { expect, test } from "vitest";
import { attachedPolicy, callPolicy, POLICY_METHODS, policyApi, profilePolicyApi } from "./local-policy.ts";
import { FakeChat } from "./testing/fake-chat.ts";

/** A policy as another process asks for it: every question and answer goes through JSON. */
function attachedTo(policy: ClientPolicy, evidence?: { readonly evidence: string; readonly key: string }) {
  const local = { ...profilePolicyApi(policy), evidence: async () => evidence };
  return attachedPolicy(async (method, params = {}) => {
    const given = JSON.parse(JSON.stringify(params)) as { readonly [key: string]: Json };
    const answer = (await callPolicy(local, method, given)) ?? null;
    return JSON.parse(JSON.stringify(answer)) as Json;
  });
}

const STATUS = {
  server: { host: "chat.example.org", id: "ab".repeat(32), logKey: "chat.example.org/parley+1+k" },
  preset: "strict",
  rules: "[server]\n",
  files: [{ title: "Friends", expiresAtMs: 5, isOver: false, hosts: ["chat.example.org"] }],
  quorum: "1 of 1",
  witnesses: [{ name: "ann.example/w", url: "https://ann.example/w/", signedAtMs: 4 }],
  signed: { size: 6, atMs: 4 },
  warnings: ["they have to wait"],
} as const;

test("the policy says the same through the socket as in its own process", async () => {
  const done: unknown[] = [];
  const outcome = { name: "bo", isMet: true, text: "ok chain" };
  const policy = attachedTo(
    {
      status: async () => STATUS,
      warnings: () => [],
      setPreset: async (preset) => void done.push(preset),
      addTrustFile: async (note, required) => `${note.length} ${required.join()}`,
      test: (rules) => [{ ...outcome, text: String(parsePolicyFile(rules).rules === PRESETS.lan.rules) }],
    },
    { evidence: "proof", key: "log+1+k" },
  );
  expect(await policy.status()).toEqual(STATUS);
  await policy.setPreset("lan");
  expect(done).toEqual(["lan"]);
  expect(await policy.addTrustFile({ note: new Uint8Array(3), requireSignature: ["a", "b"] })).toBe("3 a,b");
  expect(await policy.test('preset = "friends"\n')).toEqual([{ ...outcome, text: "false" }]);
  expect(await policy.evidence()).toEqual({ evidence: "proof", key: "log+1+k" });
});

test("what cannot be taken is told in a sentence, with the line", async () => {
  const policy = attachedTo({
    ...new FakeChat().policy(),
    addTrustFile: () => Promise.reject(new TrustError("trust-file-malformed", "line 3", { line: 3 })),
    test: (rules) => [{ name: "", isMet: parsePolicyFile(rules) !== undefined, text: "" }],
  });
  const refused = (message: string) => ({ code: "refused", message });
  const add = () => policy.addTrustFile({ note: new Uint8Array(), requireSignature: [] });
  await expect(add()).rejects.toMatchObject(refused("That is no trust file (line 3)"));
  await expect(policy.test("[user]\ntalk = 1\n")).rejects.toMatchObject(
    refused("That is no policy (line 2)"),
  );
  await expect(policy.test('[server]\nchange = "ca"\n')).rejects.toMatchObject(
    refused("The policy leans on something that this rule must not lean on (line 2)"),
  );
});

test("what another process sends is checked", async () => {
  const policy = policyApi(new FakeChat());
  const call = (method: string, params: { readonly [key: string]: Json }) =>
    callPolicy(policy, POLICY_METHODS + method, params);
  await expect(call("set-preset", { preset: "lax" })).rejects.toThrow(ChatError);
  await expect(call("add-trust-file", { note: "%", requireSignature: [] })).rejects.toThrow(ChatError);
  await expect(call("add-trust-file", { note: "", requireSignature: "x" })).rejects.toThrow(ChatError);
  await expect(call("open", {})).rejects.toThrow('does not know "policy/open"');
  const odd = attachedPolicy(async () => ({ preset: "friends" }));
  await expect(odd.status()).rejects.toThrow(ChatError);
  await expect(attachedPolicy(async () => null).evidence()).resolves.toBeUndefined();
});
