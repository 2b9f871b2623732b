import { inspect } from "node:util";
import { idText } from "@parley/protocol";
import { formatInviteLink, inviteToken, parseInviteLink, recoveryWordsOf, serverCode } from "@parley/trust";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../connection/clock.ts";
import type {
  EnrolledAccount,
  EnrolmentOptions,
  EnrolOptions,
  FreshAccount,
} from "../connection/enrolment.ts";
import { enrol, resumeEnrolment } from "../connection/enrolment.ts";
import { startManInTheMiddle } from "./test-man-in-the-middle.ts";
import type { TestRelayOptions } from "./test-relay.ts";
import { startTestRelay } from "./test-relay.ts";
import { tlsTransport } from "./tls-transport.ts";

async function setUp(given: TestRelayOptions = {}) {
  const relay = await startTestRelay(given);
  onTestFinished(() => relay.close());
  const disk: { account: EnrolledAccount | undefined; writes: number } = { account: undefined, writes: 0 };
  const options: EnrolmentOptions = {
    transport: tlsTransport,
    clock: systemClock,
    onDelivery: () => {},
    persist: async (account) => {
      disk.account = account;
      disk.writes++;
    },
    discard: async () => {
      disk.account = undefined;
    },
  };
  const ana = (over: Partial<EnrolOptions> = {}) =>
    enrol({ ...options, road: { link: relay.invite() }, name: "ana", ...over });
  return { relay, disk, options, ana };
}

test("registers by an invite: what is needed to log in again is on disk before the relay is asked", async () => {
  const { relay, disk, ana, options } = await setUp();
  let requestsAtPersist = -1;
  const { account, connection } = await ana({
    persist: async (made) => {
      await options.persist(made);
      requestsAtPersist = relay.requests.length;
    },
  });
  expect(requestsAtPersist).toBe(0);
  expect(disk.account).toBe(account);
  expect(account).toMatchObject({
    name: "ana",
    host: relay.address,
    device: { device: 1 },
    pin: { serverId: relay.serverId },
  });
  expect(connection.session).toMatchObject({ name: "ana", device: account.device });
  expect(connection.server.why).toMatch(/^pinned by the invite of /);
  expect(relay.accounts.get(idText(account.device.account))?.chain).toEqual(account.chain);
  expect(recoveryWordsOf((account as FreshAccount).recoverySeed).split(" ")).toHaveLength(24);
  connection.close();
});

test("registers with a relay behind a proxy, with one account made", async () => {
  const { relay, disk, ana } = await setUp({ behindProxy: true });
  (await ana()).connection.close();
  expect(relay.requests.map((request) => request.kind)).toEqual(["register", "register"]);
  expect([disk.writes, relay.accounts.size]).toEqual([1, 1]);
});

test("tells the relay the invite's token, never its secret", async () => {
  const { relay, ana } = await setUp();
  const link = relay.invite();
  const { secret } = parseInviteLink(link, Date.now());
  (await ana({ road: { link } })).connection.close();
  const [request] = relay.requests;
  if (request?.kind !== "register") throw new Error(request?.kind);
  expect(request.invite?.secret).toEqual(inviteToken(secret));
  expect(inspect(request, { depth: 9 })).not.toContain(idText(secret.expose()));
});

test("what is to be stored prints no secret", async () => {
  const { ana, disk } = await setUp();
  const { connection } = await ana();
  connection.close();
  const account = disk.account as FreshAccount;
  for (const text of [inspect(account, { depth: 9 }), JSON.stringify(account)]) {
    expect(text).toContain("[secret]");
    for (const secret of [account.deviceSeed, account.rootSeed, account.nextRootSeed, account.recoverySeed]) {
      const bytes = secret.expose();
      expect(text).not.toContain(bytes.toHex());
      expect(text).not.toContain(inspect(bytes).slice(17, 60));
    }
  }
});

test("registers by a host and its 30 digits where the relay asks for no invite; here it is refused for good", async () => {
  const { relay, disk, ana } = await setUp();
  const road = { host: relay.address, introduction: { typed: serverCode(relay.serverId) } };
  await expect(ana({ road })).rejects.toMatchObject({ code: "refused", cause: { code: "invite-invalid" } });
  expect(disk).toEqual({ account: undefined, writes: 1 });
  expect(relay.requests.map((request) => request.kind)).toEqual(["register"]);
});

test("a name that is taken is refused, and what was made for it is forgotten", async () => {
  const { relay, disk, ana } = await setUp();
  (await ana()).connection.close();
  disk.account = undefined;
  await expect(ana()).rejects.toMatchObject({ code: "refused", cause: { code: "name-taken" } });
  expect(disk.account).toBeUndefined();
  expect(relay.accounts.size).toBe(1);
});

test("a name that cannot be, and a link that is none, are told before anything is dialled", async () => {
  const { relay, disk, ana } = await setUp();
  await expect(ana({ name: "Ana!" })).rejects.toMatchObject({
    code: "refused",
    cause: { code: "name-invalid" },
  });
  await expect(ana({ road: { link: relay.invite().slice(0, -20) } })).rejects.toMatchObject({
    code: "invite-cut-off",
  });
  await expect(ana({ road: { link: relay.invite({ expiresAtMs: 1 }) } })).rejects.toMatchObject({
    code: "invite-expired",
  });
  await expect(ana({ road: { link: relay.invite({ expiresAtMs: 1 }) } })).rejects.not.toHaveProperty("cause");
  expect([disk.writes, relay.serverNames.length]).toEqual([0, 0]);
});

test("killed before the request was sent: going on registers the same account", async () => {
  const { relay, disk, ana, options } = await setUp();
  const killed = ana({
    persist: async (account) => {
      await options.persist(account);
      throw new Error("kill -9");
    },
  });
  await expect(killed).rejects.toThrow("kill -9");
  expect(relay.requests).toEqual([]);
  const stored = disk.account as EnrolledAccount;
  const { account, connection } = await resumeEnrolment(options, stored);
  expect(account.device).toEqual(stored.device);
  expect(connection.session.name).toBe("ana");
  connection.close();
});

test("the answer is lost: going on ends logged in as the account that the relay already has", async () => {
  const { relay, disk, ana, options } = await setUp();
  relay.loseNextAnswer = true;
  await expect(ana()).rejects.toMatchObject({ code: "lost" });
  expect(relay.accounts.size).toBe(1);
  const { account, connection } = await resumeEnrolment(options, disk.account as EnrolledAccount);
  expect(relay.requests.map((request) => request.kind)).toEqual(["register", "register", "authenticate"]);
  expect(connection.session).toMatchObject({ name: "ana", device: account.device });
  expect(relay.accounts.size).toBe(1);
  connection.close();
});

test("going on with an account that the relay refuses and does not know forgets it", async () => {
  const { relay, disk, ana, options } = await setUp();
  await expect(
    ana({
      persist: async (account) => {
        await options.persist(account);
        throw new Error("kill -9");
      },
    }),
  ).rejects.toThrow("kill -9");
  (await ana({ persist: async () => {} })).connection.close();
  await expect(resumeEnrolment(options, disk.account as EnrolledAccount)).rejects.toMatchObject({
    code: "refused",
    cause: { code: "name-taken" },
  });
  expect(disk.account).toBeUndefined();
  expect(relay.accounts.size).toBe(1);
});

test("a relay out of reach leaves the account on disk", async () => {
  const { relay, disk, ana, options } = await setUp();
  relay.loseNextAnswer = true;
  await expect(ana()).rejects.toMatchObject({ code: "lost" });
  await relay.close();
  relay.close = async () => {};
  await expect(resumeEnrolment(options, disk.account as EnrolledAccount)).rejects.toMatchObject({
    code: "unreachable",
  });
  expect(disk.account?.name).toBe("ana");
});

test("a man in the middle learns neither name nor keys nor invite, and nothing is made", async () => {
  const { relay, disk, ana } = await setUp();
  const mitm = await startManInTheMiddle(relay.port);
  onTestFinished(() => mitm[Symbol.asyncDispose]());
  const invite = parseInviteLink(relay.invite(), Date.now());
  const link = formatInviteLink({ ...invite, port: mitm.port });
  await expect(ana({ road: { link } })).rejects.toMatchObject({ code: "not-proven" });
  expect(mitm.seenAfterUpgrade()).toHaveLength(0);
  const header = mitm.seen().toString("latin1");
  for (const told of ["ana", idText(invite.id), idText(invite.secret.expose())])
    expect(header).not.toContain(told);
  expect([disk.writes, relay.requests.length]).toEqual([0, 0]);
});
