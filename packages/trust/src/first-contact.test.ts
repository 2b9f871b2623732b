import { expect, test } from "vitest";
import {
  accountRecoveredText,
  cannotTellText,
  changedText,
  firstTimeText,
  forkedText,
  newDeviceText,
  relayedText,
  rememberedText,
} from "./first-contact.ts";

const host = "chat.example.org";
const marchMs = Date.UTC(2026, 2, 2, 14, 2);

test("a first meeting that succeeds", () => {
  const lines = [
    { kind: "ca", met: true, detail: `certificate for ${host}, Let's Encrypt, 5 days left` },
    { kind: "ledger", met: true, detail: "log of 412 entries, cosigned 2 of 2: ana.example/w, bo.example/w" },
    { kind: "vouch", met: false, detail: "nobody you have checked vouches for it" },
  ] as const;
  const code = "48213 90077 15530 62841 07719 33402";
  expect(`${firstTimeText(code, lines)}\n${rememberedText("(ca & ledger)")}`).toBe(
    `First time here.  Server code 48213 90077 15530 62841 07719 33402
  ok   ca      certificate for chat.example.org, Let's Encrypt, 5 days left
  ok   ledger  log of 412 entries, cosigned 2 of 2: ana.example/w, bo.example/w
  --   vouch   nobody you have checked vouches for it
Rule "first" is met by (ca & ledger). Remembered. From now on only this server's own key chain counts.`,
  );
});

test("a first meeting without evidence", () => {
  expect(cannotTellText(host, "self-signed")).toBe(
    `I cannot tell chat.example.org from an impostor: the certificate is self-signed and no witness of yours knows it.
Paste an invite link, or the 30 digits read to you by someone who is already there.   (Enter = stop)
To go on unchecked type the host name again with an exclamation mark.`,
  );
  expect(cannotTellText(host, "valid")).toContain("a certificate alone proves too little and no witness");
  expect(cannotTellText(host, "unseen")).toContain(
    "this browser does not show the certificate and no witness",
  );
});

test("another key", () => {
  expect(changedText(host, marchMs, 3)).toBe(
    `STOP. chat.example.org answers with a key that does not follow from the one remembered on 2 March 2026.
Nothing was sent; 3 messages wait. Either the operator lost every key, or somebody is between you.
Reach the operator by another way, then: parley trust replace chat.example.org --code <30 digits>`,
  );
  expect(changedText(host, marchMs, 1)).toContain("Nothing was sent; 1 message waits. ");
  expect(changedText(host, marchMs, 0)).toContain("Nothing was sent; no messages wait. ");
});

test("another history, another TLS key", () => {
  expect(forkedText(host, marchMs, 2)).toMatchInlineSnapshot(`
    "STOP. chat.example.org shows a history that contradicts the one remembered since 2 March 2026.
    Nothing was sent; 2 messages wait. Either a backup was restored without repair, or it shows different people different things.
    Reach the operator by another way. The evidence is kept: parley trust evidence export"
  `);
  expect(relayedText(host, 2)).toMatchInlineSnapshot(`
    "STOP. chat.example.org proves who it is, but not that this connection ends there: its TLS key is not one it lists.
    Nothing was sent; 2 messages wait. Either the operator changed the TLS key without listing it, or somebody is between you."
  `);
});

test("news of contacts", () => {
  const news = { name: "bob", device: "laptop", addedBy: "by his phone", place: 388, atMs: marchMs };
  expect(newDeviceText(news)).toBe(
    '@bob got a new device "laptop" (added by his phone, log entry 388, 14:02). Nothing to do.',
  );
  expect(accountRecoveredText("bob", marchMs, marchMs + 3_600_000)).toBe(
    "@bob's account was recovered with the recovery words today. Messages wait until you check again: parley trust verify @bob",
  );
  expect(accountRecoveredText("bob", marchMs, marchMs + 86_400_000)).toContain("words on 2 March 2026. ");
});
