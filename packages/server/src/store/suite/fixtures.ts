import { createHash } from "node:crypto";
import type { DeviceAddress, ErrorCode, ErrorData } from "@parley/protocol";
import { bytesEqual, decodeRoomLogEntry, EMPTY_LOG_HEAD, ProtocolError } from "@parley/protocol";
import { expect } from "vitest";
import type { Append, Commit, ReadLimits, Registration, RelayStore } from "../contract.ts";

/** One driver under test: a fresh store, and how to open the same one again. */
export interface StoreUnderTest {
  readonly store: RelayStore;
  /** Closes the store and opens what it left behind. */
  reopen(): Promise<RelayStore>;
  /** Closes the store and removes it. */
  dispose(): Promise<void>;
}

/** Makes a {@link StoreUnderTest}; called once for each test. */
export type StoreFactory = () => Promise<StoreUnderTest>;

/** A moment to start from. */
export const START_MS = 1_760_000_000_000;
export const DAY_MS = 24 * 60 * 60 * 1000;
export const EVERYTHING: ReadLimits = { maxEntries: 100_000, maxBytes: 1 << 30 };

/** `length` bytes that are the same for the same `seed` and differ between seeds. */
export function bytes(length: number, seed: number | string): Uint8Array {
  const block = createHash("sha256").update(`${seed}`).digest();
  return Uint8Array.from({ length }, (_, i) => block[i % 32] as number);
}

export const roomId = (seed: number | string): Uint8Array => bytes(16, `room ${seed}`);
export const clientId = (seed: number | string): Uint8Array => bytes(16, `client ${seed}`);
export const accountId = (seed: number | string): Uint8Array => bytes(32, `account ${seed}`);

export function device(seed: number | string, number = 1): DeviceAddress {
  return { account: accountId(seed), device: number };
}

export const room = roomId("r");
export const alice = device("alice");
export const bob = device("bob");
export const carol = device("carol");

/** An append by Alice to the room of the tests, with what `changes` says instead. */
export function append(seed: number | string, changes: Partial<Append> = {}): Append {
  const message = bytes(64, `message ${seed}`);
  return {
    room,
    sender: alice,
    clientId: clientId(seed),
    epoch: 0,
    kind: "application",
    message,
    nowMs: START_MS,
    ...changes,
  };
}

/** A commit of epoch 0 by Alice that adds and removes nobody, with what `changes` says instead. */
export function commit(seed: number | string, changes: Partial<Commit> = {}): Commit {
  return {
    room,
    sender: alice,
    clientId: clientId(seed),
    epoch: 0,
    replaces: 0,
    message: bytes(80, `commit ${seed}`),
    added: [],
    removed: [],
    ratchetTree: bytes(90, `tree ${seed}`),
    groupInfo: bytes(100, `group info ${seed}`),
    nowMs: START_MS,
    ...changes,
  };
}

/** Welcomes for these devices. */
export function adding(...devices: DeviceAddress[]): Commit["added"] {
  return devices.map((it) => ({ device: it, item: bytes(70, `welcome ${it.account.toHex()} ${it.device}`) }));
}

/** A new account that claims `name`. */
export function registration(name: string, changes: Partial<Registration> = {}): Registration {
  const account = accountId(name);
  return {
    account,
    name,
    nameOpening: bytes(32, "opening"),
    chain: [bytes(200, name)],
    nowMs: START_MS,
    ...changes,
  };
}

/** A room of Alice, Bob and Carol at epoch 1, whose log holds the one commit that made it so. */
export async function roomOfThree(store: RelayStore): Promise<void> {
  await store.createRoom({ room, creator: alice, nowMs: START_MS });
  await store.acceptCommit(commit("three", { added: adding(bob, carol) }));
}

/** Expects a refusal with this code and, where given, this data. */
export async function expectRefusal(
  promise: Promise<unknown>,
  code: ErrorCode,
  data?: ErrorData,
): Promise<void> {
  const error = await promise.then(
    () => expect.fail(`expected ${code}, but it succeeded`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ProtocolError)) throw error;
  expect(error.code).toBe(code);
  if (data) expect(error.data).toEqual(data);
}

/** Expects the log of `id` to be numbered without gaps and chained up to the head. @returns its entries. */
export async function expectChained(
  store: RelayStore,
  id: Uint8Array = room,
): Promise<readonly Uint8Array[]> {
  const entries = await store.readRoom(id, 0, EVERYTHING);
  const record = await store.roomRecord(id);
  let head: Uint8Array = EMPTY_LOG_HEAD;
  for (const [place, entry] of entries.entries()) {
    expect(decodeRoomLogEntry(entry).seq).toBe(place + 1);
    head = createHash("sha256").update(head).update(entry).digest();
  }
  expect(record?.headSeq).toBe(entries.length);
  expect(bytesEqual(record?.headHash ?? new Uint8Array(), head)).toBe(true);
  return entries;
}

/** The roster of `id`, as sorted text. */
export async function rosterOf(store: RelayStore, id: Uint8Array = room): Promise<readonly string[]> {
  const record = await store.roomRecord(id);
  return namesOf(record?.roster ?? []);
}

/** Devices as sorted text, to compare sets of them. */
export function namesOf(devices: readonly DeviceAddress[]): readonly string[] {
  return devices.map(({ account, device: number }) => `${account.toHex()}/${number}`).sort();
}
