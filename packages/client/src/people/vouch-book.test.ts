import { ProtocolError } from "@parley/protocol";
import type { NewAccount } from "@parley/trust";
import { createAccount, createVouch, createVouchEnd, signerFromSeed } from "@parley/trust";
import { expect, test } from "vitest";
import { MemoryStore } from "../store/memory-store.ts";
import { accountSubject } from "./statement-book.ts";
import { VouchBook } from "./vouch-book.ts";

const NOW_MS = Date.UTC(2026, 2, 2, 12);
const HOUR_MS = 3_600_000;

async function setUp() {
  const [ana, bo] = await Promise.all(["ana", "bo"].map((name) => createAccount({ name, nowMs: NOW_MS })));
  return { ana: ana as NewAccount, bo: bo as NewAccount, store: new MemoryStore() };
}

async function issuerOf({ state, device }: NewAccount) {
  return { account: state.accountId, device: 1, signer: await signerFromSeed(device) };
}

async function vouchOf(issuer: NewAccount, about: NewAccount, nowMs = NOW_MS): Promise<Uint8Array> {
  return createVouch({
    issuer: await issuerOf(issuer),
    subject: accountSubject(about.state.accountId),
    head: about.state.head,
    check: { method: "qr" },
    nowMs,
    expiresAtMs: nowMs + HOUR_MS,
  });
}

test("keeps what its issuer sent, once, and over a restart", async () => {
  const { ana, bo, store } = await setUp();
  const book = new VouchBook(store);
  const vouch = await vouchOf(ana, bo);
  expect(book.receive(vouch, ana.state.accountId, NOW_MS)[1]).toBe("kept");
  expect(book.receive(vouch, ana.state.accountId, NOW_MS)[1]).toBe("older");
  expect(new VouchBook(store).bytes()).toEqual([vouch]);
});

test("nobody can send what another said, and damaged ones are malformed", async () => {
  const { ana, bo, store } = await setUp();
  const book = new VouchBook(store);
  const vouch = await vouchOf(ana, bo);
  const attempts = [
    () => book.receive(vouch, bo.state.accountId, NOW_MS),
    () => book.receive(vouch.subarray(1), ana.state.accountId, NOW_MS),
    () => book.receive(new Uint8Array(2000), ana.state.accountId, NOW_MS),
  ];
  for (const attempt of attempts) expect(attempt).toThrow(ProtocolError);
  expect(book.bytes()).toEqual([]);
});

test("an end stays, so that the vouch before it cannot be played again", async () => {
  const { ana, bo, store } = await setUp();
  const book = new VouchBook(store);
  const [vouch, subject] = [await vouchOf(ana, bo), accountSubject(bo.state.accountId)];
  book.receive(vouch, ana.state.accountId, NOW_MS);
  const end = await createVouchEnd(await issuerOf(ana), subject, NOW_MS + 1000);
  expect(book.receive(end, ana.state.accountId, NOW_MS + 1000)[1]).toBe("kept");
  expect(book.receive(vouch, ana.state.accountId, NOW_MS + 2000)[1]).toBe("older");
  expect(book.find(ana.state.accountId, subject)?.kind).toBe("end");
  expect(book.bytes()).toHaveLength(1);
});

test("remembers which rooms were told, each once", async () => {
  const { bo, store } = await setUp();
  const subject = accountSubject(bo.state.accountId);
  const book = new VouchBook(store);
  expect(book.toldRooms(subject)).toEqual([]);
  for (const room of ["aa", "bb", "aa"]) book.told(subject, room);
  expect(new VouchBook(store).toldRooms(subject)).toEqual(["aa", "bb"]);
});
