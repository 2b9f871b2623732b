import { LIMITS } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import type { InviteRecord, InviteUse } from "../contract.ts";
import { NAME_RELEASE_MS } from "../contract.ts";
import type { StoreUnderTest } from "./fixtures.ts";
import { accountId, bytes, DAY_MS, expectRefusal, registration, START_MS } from "./fixtures.ts";

const id = bytes(16, "invite");
const secretHash = bytes(32, "secret hash");

function invite(changes: Partial<InviteRecord> = {}): InviteRecord {
  return { id, secretHash, expiresAtMs: START_MS + DAY_MS, uses: 1, ...changes };
}

function use(who: string, changes: Partial<InviteUse> = {}): InviteUse {
  return { id, secretHash, account: accountId(who), nowMs: START_MS, ...changes };
}

/** Accounts, names and invites. */
export function describeAccounts(subject: () => StoreUnderTest): void {
  describe("accounts", () => {
    it("are found by id and by name, over a restart too", async () => {
      const under = subject();
      expect(await under.store.createAccount(registration("alice"))).toBe(true);
      const { nowMs: createdAtMs, ...rest } = registration("alice");
      const expected = { ...rest, createdAtMs };
      expect(await under.store.account(accountId("alice"))).toEqual(expected);
      const store = await under.reopen();
      expect(await store.accountByName("alice")).toEqual(expected);
      expect(await store.account(accountId("bob"))).toBeUndefined();
      expect(await store.accountByName("bob")).toBeUndefined();
      expect((await store.usage()).accounts).toBe(1);
    });

    it("get a name that one of them can have", async () => {
      const { store } = subject();
      const claims = ["a", "b", "c"].map((who) =>
        store.createAccount(registration("wanted", { account: accountId(who) })),
      );
      const outcomes = await Promise.allSettled(claims);
      expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
      await expectRefusal(claims[1] as Promise<boolean>, "name-taken");
      expect((await store.accountByName("wanted"))?.account).toEqual(accountId("a"));
      expect(await store.account(accountId("b"))).toBeUndefined();
      expect(await store.createAccount(registration("other", { account: accountId("b") }))).toBe(true);
    });

    it("are registered once, however often it is asked", async () => {
      const { store } = subject();
      await store.createInvite(invite());
      const asked = registration("alice", { invite: { id, secretHash } });
      const outcomes = await Promise.all([store.createAccount(asked), store.createAccount(asked)]);
      expect(outcomes).toContain(true);
      expect(await store.createAccount({ ...asked, nowMs: START_MS + 2 * DAY_MS })).toBe(false);
      expect((await store.invite(id))?.uses).toBe(0);
      expect((await store.usage()).accounts).toBe(1);
    });

    it("that exist are not made again with another name or chain", async () => {
      const { store } = subject();
      await store.createAccount(registration("alice"));
      const renamed = registration("other", { account: accountId("alice") });
      await expectRefusal(store.createAccount(renamed), "already-exists");
      const rechained = registration("alice", { chain: [bytes(200, "forged")] });
      await expectRefusal(store.createAccount(rechained), "already-exists");
      expect(await store.createAccount(registration("other"))).toBe(true);
    });

    it("need a name and a chain that are well formed", async () => {
      const { store } = subject();
      for (const name of ["", "Alice", "a b", "x".repeat(33)]) {
        await expectRefusal(store.createAccount(registration("alice", { name })), "name-invalid");
      }
      await expectRefusal(store.createAccount(registration("alice", { chain: [] })), "malformed");
      const chain = [new Uint8Array(LIMITS.chainEntryBytes + 1)];
      await expectRefusal(store.createAccount(registration("alice", { chain })), "too-large");
    });

    it("give their name back when the invite does not hold", async () => {
      const { store } = subject();
      const refused = registration("alice", { account: accountId("b"), invite: { id, secretHash } });
      await expectRefusal(store.createAccount(refused), "invite-invalid");
      expect(await store.createAccount(registration("alice"))).toBe(true);
    });

    it("append to their chain by compare-and-swap", async () => {
      const { store } = subject();
      const account = accountId("alice");
      await expectRefusal(store.appendAccountEntry(account, 1, bytes(9, 1)), "not-found");
      await store.createAccount(registration("alice"));
      const [won, lost] = [1, 2].map((n) => store.appendAccountEntry(account, 1, bytes(9, n)));
      await expectRefusal(lost as Promise<number>, "chain-invalid");
      expect(await won).toBe(2);
      expect(await store.appendAccountEntry(account, 1, bytes(9, 1))).toBe(2);
      await expectRefusal(store.appendAccountEntry(account, 3, bytes(9, 1)), "chain-invalid");
      expect((await store.account(account))?.chain).toEqual([bytes(200, "alice"), bytes(9, 1)]);
      expect(await store.createAccount(registration("alice"))).toBe(false);
    });

    it("have chains of a limited length", async () => {
      const { store } = subject();
      const chain = Array.from({ length: LIMITS.chainEntries }, (_, n) => bytes(4, n));
      await store.createAccount(registration("alice", { chain }));
      const more = store.appendAccountEntry(accountId("alice"), chain.length, bytes(4, "more"));
      await expectRefusal(more, "too-large");
    });

    it("that release a name keep it closed to others for 30 days", async () => {
      const { store } = subject();
      await store.createAccount(registration("alice"));
      await store.releaseName(accountId("alice"), START_MS);
      expect(await store.account(accountId("alice"))).toBeUndefined();
      expect((await store.usage()).accounts).toBe(0);
      const heir = (nowMs: number) =>
        store.createAccount(registration("alice", { account: accountId("heir"), nowMs }));
      await store.expire(START_MS + NAME_RELEASE_MS - 1);
      await expectRefusal(heir(START_MS + NAME_RELEASE_MS - 1), "name-taken");
      expect(await heir(START_MS + NAME_RELEASE_MS)).toBe(true);
      await expectRefusal(store.releaseName(accountId("alice"), START_MS), "not-found");
    });

    it("that release a name may take it again at once", async () => {
      const { store } = subject();
      await store.createAccount(registration("alice"));
      await store.releaseName(accountId("alice"), START_MS);
      expect(await store.createAccount(registration("alice", { nowMs: START_MS + 1 }))).toBe(true);
    });
  });

  describe("invites", () => {
    it("are listed in pages, and worthless once they are deleted", async () => {
      const { store } = subject();
      const ids = [1, 2, 3].map((n) => Uint8Array.from({ length: 16 }, () => n));
      for (const one of ids) await store.createInvite(invite({ id: one, uses: 2 }));
      const [first] = ids;
      const use = { id: first as Uint8Array, secretHash, account: accountId("a"), nowMs: START_MS };
      await store.consumeInvite(use);
      expect((await store.listInvites(new Uint8Array(), 2)).map(({ id, uses }) => [id, uses])).toEqual([
        [ids[0], 1],
        [ids[1], 2],
      ]);
      expect((await store.listInvites(ids[1] as Uint8Array, 2)).map((it) => it.id)).toEqual([ids[2]]);
      expect(await store.deleteInvite(use.id)).toBe(true);
      expect(await store.deleteInvite(use.id)).toBe(false);
      await expectRefusal(store.consumeInvite({ ...use, account: accountId("b") }), "invite-invalid");
    });

    it("are used as often as they allow, and once by an account", async () => {
      const { store } = subject();
      await store.createInvite(invite({ uses: 2, inviter: accountId("alice") }));
      const uses = ["a", "a", "b", "c"].map((who) => store.consumeInvite(use(who)));
      await expectRefusal(uses[3] as Promise<void>, "invite-invalid");
      await Promise.all(uses.slice(0, 3));
      expect(await store.invite(id)).toEqual({ ...invite(), uses: 0, inviter: accountId("alice") });
      await store.consumeInvite(use("b"));
    });

    it("have one winner when many use the last use at once, over a restart too", async () => {
      const under = subject();
      await under.store.createInvite(invite());
      const users = Array.from({ length: 20 }, (_, n) => under.store.consumeInvite(use(`${n}`)));
      const outcomes = await Promise.allSettled(users);
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      const store = await under.reopen();
      await expectRefusal(store.consumeInvite(use("late")), "invite-invalid");
    });

    it("need the right secret, in time", async () => {
      const { store } = subject();
      await expectRefusal(store.consumeInvite(use("a")), "invite-invalid");
      await store.createInvite(invite());
      await expectRefusal(store.consumeInvite(use("a", { secretHash: bytes(32, "x") })), "invite-invalid");
      await expectRefusal(store.consumeInvite(use("a", { nowMs: START_MS + DAY_MS })), "invite-invalid");
      await store.consumeInvite(use("a", { nowMs: START_MS + DAY_MS - 1 }));
    });

    it("are made once; making the same again is harmless", async () => {
      const { store } = subject();
      await store.createInvite(invite());
      await store.createInvite(invite());
      await expectRefusal(store.createInvite(invite({ uses: 2 })), "already-exists");
      await expectRefusal(store.createInvite(invite({ secretHash: bytes(32, "x") })), "already-exists");
      await expectRefusal(store.createInvite(invite({ inviter: accountId("x") })), "already-exists");
    });

    it("are forgotten when they have expired", async () => {
      const { store } = subject();
      await store.createInvite(invite());
      await store.consumeInvite(use("a"));
      await store.expire(START_MS + DAY_MS - 1);
      expect(await store.invite(id)).toBeDefined();
      await store.expire(START_MS + DAY_MS);
      expect(await store.invite(id)).toBeUndefined();
    });
  });
}
