import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RelayStore } from "./contract.ts";
import { NAME_RESERVATION_MS } from "./contract.ts";
import type { Fault } from "./sqlite/faulty-commit.ts";
import { FaultyCommit } from "./sqlite/faulty-commit.ts";
import type { TemporaryStore } from "./sqlite/temporary-store.ts";
import { temporaryStore } from "./sqlite/temporary-store.ts";
import {
  accountId,
  adding,
  alice,
  append,
  bob,
  bytes,
  carol,
  commit,
  DAY_MS,
  device,
  EVERYTHING,
  expectChained,
  expectRefusal,
  registration,
  room,
  roomId,
  roomOfThree,
  START_MS,
} from "./suite/fixtures.ts";

const dave = device("dave");
const newRoom = roomId("new");
const invite = {
  id: bytes(16, "invite"),
  secretHash: bytes(32, "hash"),
  expiresAtMs: START_MS + DAY_MS,
  uses: 1,
};
const used = { id: invite.id, secretHash: invite.secretHash };
const keyPackages = { device: alice, packages: [1, 2, 3].map((n) => bytes(99, n)), nowMs: START_MS };
const item = {
  device: alice,
  from: bob,
  item: bytes(9, "item"),
  dedupeKey: bytes(8, "key"),
  nowMs: START_MS,
};

/** A room of three at epoch 3 with a Welcome to deliver, inbox items, accounts, key packages, an invite, a record. */
async function furnish(store: RelayStore): Promise<void> {
  await roomOfThree(store);
  await store.deliverPending(room);
  await store.append(append("before", { epoch: 1 }));
  await store.acceptCommit(commit("add", { epoch: 1, added: adding(dave) }));
  await store.acceptCommit(commit("bad", { sender: bob, epoch: 2, removed: [carol] }));
  await store.appendInbox({ ...item, dedupeKey: bytes(8, "other") });
  await store.createAccount(registration("alice"));
  await store.putKeyPackages({ ...keyPackages, packages: [bytes(99, "old")], lastResort: bytes(99, "last") });
  await store.createInvite({ ...invite, id: bytes(16, "other") });
  await store.putRecord("identity", 0, bytes(9, "first"));
}

/** Everything that the contract lets one read of the furnished store. */
async function fingerprint(store: RelayStore): Promise<string> {
  const { storageBytes: _, ...usage } = await store.usage();
  const seen = [
    usage,
    await store.generation(),
    await store.roomRecord(room),
    await store.roomRecord(newRoom),
    (await store.roomRecord(room)) && (await expectChained(store)),
    await store.groupInfo(room),
    await Promise.all([1, 2, 3, 4].map((epoch) => store.ratchetTree(room, epoch))),
    await store.pendingDeliveries(),
    await Promise.all([alice, bob, carol, dave].map((it) => store.readInbox(it, 0, EVERYTHING))),
    await Promise.all([alice, bob, carol, dave].map((it) => store.roomsOf(it))),
    await store.account(accountId("alice")),
    await store.accountByName("zoe"),
    await store.keyPackageStock(alice),
    await store.invite(invite.id),
    await store.invite(bytes(16, "other")),
    await store.getRecord("identity"),
  ];
  return JSON.stringify(seen, (_key, value) => (value instanceof Uint8Array ? value.toHex() : value));
}

interface Row {
  readonly name: string;
  readonly run: (store: RelayStore) => Promise<unknown>;
  /** Commits of the operation; the fault is tried at each. */
  readonly commits?: number;
  /** What asking again does after a fault that persisted: nothing more (the default), a refusal, or the same once more. */
  readonly again?: "already-exists" | "not-found" | "once more";
  /** Nothing that can be read tells whether it happened. */
  readonly leavesNoTrace?: true;
}

const ROWS: readonly Row[] = [
  {
    name: "createRoom",
    run: (store) => store.createRoom({ room: newRoom, creator: device("new"), nowMs: START_MS }),
    again: "already-exists",
  },
  { name: "append", run: (store) => store.append(append("x", { epoch: 3 })) },
  {
    name: "acceptCommit",
    run: (store) =>
      store.acceptCommit(commit("x", { epoch: 3, added: adding(device("new")), removed: [bob] })),
  },
  {
    name: "acceptCommit, a replacement",
    run: (store) =>
      store.acceptCommit(
        commit("x", { sender: carol, epoch: 2, replaces: 4, removed: [bob], added: adding(alice) }),
      ),
  },
  { name: "deliverPending", run: (store) => store.deliverPending(room) },
  { name: "appendInbox", run: (store) => store.appendInbox(item) },
  { name: "acknowledgeInbox", run: (store) => store.acknowledgeInbox(alice, 1) },
  {
    name: "createAccount",
    run: async (store) => {
      await store.createInvite(invite);
      await store.createAccount(registration("zoe", { invite: used }));
    },
    commits: 5,
  },
  {
    name: "appendAccountEntry",
    run: (store) => store.appendAccountEntry(accountId("alice"), 1, bytes(9, 9)),
  },
  {
    name: "releaseName",
    run: (store) => store.releaseName(accountId("alice"), START_MS),
    again: "not-found",
  },
  { name: "putKeyPackages", run: (store) => store.putKeyPackages(keyPackages) },
  { name: "takeKeyPackage", run: (store) => store.takeKeyPackage(alice, START_MS), again: "once more" },
  { name: "clearKeyPackages", run: (store) => store.clearKeyPackages(alice, START_MS) },
  { name: "createInvite", run: (store) => store.createInvite(invite) },
  {
    name: "consumeInvite",
    run: (store) =>
      store.consumeInvite({ ...used, id: bytes(16, "other"), account: accountId("x"), nowMs: START_MS }),
  },
  { name: "putRecord", run: (store) => store.putRecord("identity", 1, bytes(9, "second")) },
  { name: "bumpGeneration", run: (store) => store.bumpGeneration(), again: "once more" },
  { name: "expire", run: (store) => store.expire(START_MS + 99 * DAY_MS) },
  { name: "checkHealth", run: (store) => store.checkHealth(), leavesNoTrace: true },
];

const FAULTS: readonly Fault[] = ["loses", "persists"];

/** What the furnished store looks like before `run`, and after it without any fault. */
async function withoutFault(run: Row["run"]): Promise<{ before: string; after: string }> {
  const sound = temporaryStore();
  try {
    await furnish(sound.store);
    const before = await fingerprint(sound.store);
    await run(sound.store);
    return { before, after: await fingerprint(sound.store) };
  } finally {
    await sound.dispose();
  }
}

describe("fault table of the SQLite store", () => {
  let faulty: FaultyCommit;
  let under: TemporaryStore;
  beforeEach(() => {
    faulty = new FaultyCommit();
    under = temporaryStore({ unsafeTestingCommit: faulty.commit });
  });
  afterEach(() => under.dispose());

  for (const { name, run, commits = 1, again, leavesNoTrace } of ROWS) {
    for (const fault of FAULTS) {
      for (let sound = 0; sound < commits; sound++) {
        const where = commits > 1 ? ` at commit ${sound + 1}` : "";
        it(`${name}: a commit that fails and ${fault}${where}`, async () => {
          const { before, after } = await withoutFault(run);
          await furnish(under.store);
          expect(await fingerprint(under.store)).toBe(before);
          if (!leavesNoTrace) expect(after).not.toBe(before);

          faulty.arm(fault, { sound });
          await expectRefusal(run(under.store), "storage-unavailable");
          const seen = await fingerprint(under.store);
          if (commits === 1) expect(seen).toBe(fault === "loses" ? before : after);
          const reopened = await under.reopen();
          expect(await fingerprint(reopened)).toBe(seen);

          const repeated = run(reopened);
          const isRefused = fault === "persists" && again !== undefined && again !== "once more";
          if (isRefused) await expectRefusal(repeated, again);
          else await repeated;
          if (fault === "loses" || again !== "once more") expect(await fingerprint(reopened)).toBe(after);
        });
      }
    }
  }

  for (const fault of FAULTS) {
    it(`goes on in the same process after a commit that ${fault}, as the disk has it`, async () => {
      const { store } = under;
      await furnish(store);
      faulty.arm(fault);
      const lost = [
        store.append(append(1, { epoch: 3 })),
        store.append(append(2, { epoch: 3, sender: bob })),
        store.acceptCommit(commit("lost", { epoch: 3, added: adding(device("new")) })),
        store.createRoom({ room: newRoom, creator: device("newer"), nowMs: START_MS }),
        store.append(append(3, { epoch: 9 })),
      ];
      for (const promise of lost) await expectRefusal(promise, "storage-unavailable");
      const isThere = fault === "persists";
      const epoch = isThere ? 4 : 3;
      expect(await store.roomRecord(room)).toMatchObject({ epoch, headSeq: isThere ? 7 : 4 });
      expect((await store.roomRecord(newRoom)) !== undefined).toBe(isThere);
      expect(await store.isOnRoster(room, device("new"))).toBe(isThere);
      expect(await store.append(append(1, { epoch: 3 }))).toMatchObject({ seq: 5, duplicate: isThere });
      const next = store.append(append(4, { epoch, sender: bob }));
      const made = store.createRoom({ room: roomId("third"), creator: device("newest"), nowMs: START_MS });
      expect(await next).toMatchObject({ seq: isThere ? 8 : 6, duplicate: false });
      await made;
      expect((await store.roomRecord(roomId("third")))?.roster).toEqual([device("newest")]);
      const live = await fingerprint(store);
      expect(await fingerprint(await under.reopen())).toBe(live);
    });
  }

  it("rejects every operation while the disk stays bad, and works when it is good again", async () => {
    const { store } = under;
    await furnish(store);
    faulty.arm("loses", { count: Infinity });
    for (let round = 0; round < 5; round++) {
      const sends = [1, 2, 3].map((n) => store.append(append(`${round} ${n}`, { epoch: 3 })));
      for (const promise of sends) await expectRefusal(promise, "storage-unavailable");
      await expectRefusal(store.checkHealth(), "storage-unavailable");
      expect(await store.roomRecord(room)).toMatchObject({ headSeq: 4 });
    }
    faulty.disarm();
    await store.checkHealth();
    expect(await store.append(append("good", { epoch: 3 }))).toMatchObject({ seq: 5, duplicate: false });
    await expectChained(store);
  });

  it("rejects everything while the disk is full, and works when there is room again", async () => {
    const { store } = under;
    await furnish(store);
    const { database } = faulty.connection;
    const pages = Object.values(database.prepare("PRAGMA page_count").get() ?? {})[0] as number;
    database.exec(`PRAGMA max_page_count = ${pages}`);
    const big = (n: number) => append(n, { epoch: 3, message: bytes(60_000, n) });
    for (let round = 0; round < 3; round++) {
      const sends = [1, 2].map((n) => store.append(big(n)));
      for (const promise of sends) await expectRefusal(promise, "storage-unavailable");
    }
    database.exec("PRAGMA max_page_count = 1000000");
    expect(await store.append(big(1))).toMatchObject({ seq: 5, duplicate: false });
    await expectChained(store);
  });

  it("rejects everything while the disk is read-only, but goes on reading", async () => {
    const { store } = under;
    await furnish(store);
    const { database } = faulty.connection;
    database.exec("PRAGMA query_only = 1");
    await expectRefusal(store.append(append(1, { epoch: 3 })), "storage-unavailable");
    await expectRefusal(store.checkHealth(), "storage-unavailable");
    expect(await expectChained(store)).toHaveLength(4);
    database.exec("PRAGMA query_only = 0");
    expect(await store.append(append(1, { epoch: 3 }))).toMatchObject({ seq: 5 });
  });

  it("fails an operation alone that breaks half-way, and its neighbours leave no gap", async () => {
    const { store } = under;
    await furnish(store);
    faulty.connection.database.exec(`CREATE TEMP TRIGGER broken BEFORE INSERT ON welcomes
      BEGIN SELECT RAISE(ABORT, 'broken'); END`);
    const first = store.append(append(1, { epoch: 3 }));
    const broken = store.acceptCommit(commit("x", { epoch: 3, added: adding(device("new")) }));
    const second = store.append(append(2, { epoch: 3, sender: bob }));
    await expectRefusal(broken, "internal");
    expect(await first).toMatchObject({ seq: 5, duplicate: false });
    expect(await second).toMatchObject({ seq: 6, duplicate: false });
    expect(await store.roomRecord(room)).toMatchObject({ epoch: 3, headSeq: 6 });
    const live = await fingerprint(store);
    expect(await fingerprint(await under.reopen())).toBe(live);
  });

  it("lets another have a name whose registration stopped half-way, after its time", async () => {
    const { store } = under;
    const first = registration("wanted", { account: accountId("first") });
    const second = (nowMs: number) =>
      store.createAccount(registration("wanted", { account: accountId("second"), nowMs }));
    faulty.arm("loses", { sound: 2 });
    await expectRefusal(store.createAccount(first), "storage-unavailable");
    expect(await store.account(accountId("first"))).toBeUndefined();
    await expectRefusal(second(START_MS + NAME_RESERVATION_MS - 1), "name-taken");
    expect(await second(START_MS + NAME_RESERVATION_MS)).toBe(true);
    await expectRefusal(store.createAccount(first), "name-taken");
    expect((await store.usage()).accounts).toBe(1);
    expect(await store.createAccount(registration("else", { account: accountId("first") }))).toBe(true);
  });

  it("does not let a registration own a name that another took over while it was held up", async () => {
    let afterNextCommit = (): void => {};
    const held = temporaryStore({
      unsafeTestingCommit(commitNow) {
        commitNow();
        afterNextCommit();
        afterNextCommit = () => {};
      },
    });
    const claim = (who: string, nowMs: number) =>
      held.store.createAccount(registration("wanted", { account: accountId(who), nowMs }));
    const second = new Promise<boolean>((resolve, reject) => {
      afterNextCommit = () => void claim("second", START_MS + NAME_RESERVATION_MS).then(resolve, reject);
    });
    await expectRefusal(claim("first", START_MS), "name-taken");
    expect(await second).toBe(true);
    expect((await held.store.accountByName("wanted"))?.account).toEqual(accountId("second"));
    expect(await held.store.account(accountId("first"))).toBeUndefined();
    await held.dispose();
  });
});
