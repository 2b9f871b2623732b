import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import type { Socket } from "node:net";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { ChatError } from "../../chat/chat.ts";
import { HandTurnedClock } from "../../connection/hand-turned-clock.ts";
import { quiet } from "../test-quiet.ts";
import { prepareSocketPath } from "./address.ts";
import type { LocalAttachment } from "./attachment.ts";
import type { Json } from "./json-lines.ts";
import { openOrAttach } from "./open-or-attach.ts";
import type { LocalHandler, LocalOwner } from "./owner.ts";
import { MAX_CALL_BYTES, MAX_OPEN_CALLS, MAX_PEERS } from "./owner.ts";
import { tryLockStore } from "./store-lock.ts";

function makeFolder(...below: readonly string[]): string {
  const base = mkdtempSync(join(tmpdir(), "parley-test-"));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  return join(base, ...below);
}

async function own(folder: string): Promise<LocalOwner> {
  const opened = await openOrAttach({ folder });
  if (opened.role !== "owner") throw new Error("attached");
  return opened;
}

async function attachTo(folder: string): Promise<LocalAttachment> {
  const opened = await openOrAttach({ folder });
  if (opened.role !== "attached") throw new Error("owns");
  return opened;
}

const echo: LocalHandler = {
  call: async (method, params) => ({ method, params }),
  async *stream(_, params) {
    for (let n = 0; n < Number(params); n++) yield n;
  },
};

async function pair(handler: LocalHandler = echo) {
  const folder = makeFolder("account");
  const owner = await own(folder);
  owner.serve(handler);
  const attached = await attachTo(folder);
  onTestFinished(async () => {
    attached.close();
    await owner.close();
  });
  return { folder, owner, attached, path: prepareSocketPath(folder) };
}

test("the first to open a store owns it, the next attach, and calls travel", async () => {
  const { attached, folder } = await pair();
  const calls = [
    attached.call("rooms", { json: true }),
    attached.call("status", null),
    attached.call("x", [1, "é\n"]),
  ];
  expect(await Promise.all(calls)).toEqual([
    { method: "rooms", params: { json: true } },
    { method: "status", params: null },
    { method: "x", params: [1, "é\n"] },
  ]);
  const second = await attachTo(folder);
  expect(await second.call("y", 1)).toEqual({ method: "y", params: 1 });
  second.close();
  await expect(second.call("y", 1)).rejects.toMatchObject({ code: "owner-gone" });
});

test("whoever attaches before the owner serves is answered when it does", async () => {
  const folder = makeFolder();
  const owner = await own(folder);
  const attached = await attachTo(folder);
  const call = attached.call("early", 1);
  owner.serve(echo);
  expect(await call).toEqual({ method: "early", params: 1 });
  attached.close();
  await owner.close();
});

test("folder and socket are for this user alone", async () => {
  const folder = makeFolder("account");
  mkdirSync(folder, { mode: 0o755 });
  const owner = await own(folder);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(statSync(join(folder, "parley.sock")).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, "lock.db")).mode & 0o777).toBe(0o600);
  await owner.close();
  expect(existsSync(join(folder, "parley.sock"))).toBe(false);
});

test("a long path gets a short socket in a folder of this user, the same for every spelling", async () => {
  const folder = makeFolder("a".repeat(60), "b".repeat(60));
  const owner = await own(folder);
  owner.serve(echo);
  const path = prepareSocketPath(folder);
  expect(Buffer.byteLength(path)).toBeLessThanOrEqual(100);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
  const spelling = makeFolder("link");
  symlinkSync(folder, spelling);
  const attached = await attachTo(spelling);
  expect(await attached.call("x", 1)).toEqual({ method: "x", params: 1 });
  attached.close();
  await owner.close();
});

test("errors made for people travel as they are, others only as the fact", async () => {
  const { attached } = await pair({
    call: async (method) => {
      if (method === "told") throw new ChatError("no-such-room", "There is no room called garden");
      throw new Error("/home/ana/secret path");
    },
    // biome-ignore lint/correctness/useYield: it fails before the first item
    async *stream() {
      throw new ChatError("offline", "Not connected");
    },
  });
  const told = await attached.call("told", null).catch((error: unknown) => error);
  expect(told).toBeInstanceOf(ChatError);
  expect(told).toMatchObject({ code: "no-such-room", message: "There is no room called garden" });
  const untold = await attached.call("untold", null).catch((error: unknown) => error);
  expect(untold).toMatchObject({ name: "LocalSocketError", code: "internal" });
  expect(String(untold)).not.toContain("secret");
  const stream = attached.stream("tail", null);
  await expect(stream[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    name: "ChatError",
    code: "offline",
  });
});

test("a stream yields in order, beside calls, and ends", async () => {
  const { attached } = await pair();
  const items: Json[] = [];
  for await (const item of attached.stream("tail", 1000)) {
    items.push(item);
    if (items.length === 500) expect(await attached.call("x", 1)).toEqual({ method: "x", params: 1 });
  }
  expect(items).toEqual(Array.from({ length: 1000 }, (_, n) => n));
});

test("leaving a stream tells the owner, even while it waits for the next item", async () => {
  const aborted = Promise.withResolvers<void>();
  let finished = false;
  const { attached } = await pair({
    ...echo,
    async *stream(_method, _params, signal) {
      try {
        yield "first";
        await new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => resolve());
        });
      } finally {
        finished = true;
        aborted.resolve();
      }
    },
  });
  for await (const item of attached.stream("tail", null)) {
    expect(item).toBe("first");
    break;
  }
  await aborted.promise;
  expect(finished).toBe(true);
});

test("a slow reader holds the stream back instead of filling memory", async () => {
  let yielded = 0;
  const { attached } = await pair({
    ...echo,
    async *stream() {
      for (; yielded < 2000; yielded++) yield "x".repeat(64 * 1024);
    },
  });
  const items = attached.stream("tail", null)[Symbol.asyncIterator]();
  await items.next();
  await quiet(() => yielded);
  expect(yielded).toBeLessThan(1000);
  let read = 1;
  while (!(await items.next()).done) read++;
  expect(read).toBe(2000);
});

test("a stream without end, whose listener has gone, does not hold the owner up", async () => {
  let ended = 0;
  const { path, attached } = await pair({
    ...echo,
    async *stream() {
      try {
        for (;;) yield "x";
      } finally {
        ended++;
      }
    },
  });
  for (const leave of ["end", "destroy"] as const) {
    const peer = await rawPeer(path);
    const closed = once(peer, "close");
    peer.write('{"id":0,"kind":"stream","method":"tail"}\n');
    peer.resume();
    await once(peer, "data");
    peer[leave]();
    await closed;
  }
  while (ended < 2) await attached.call("x", 1);
});

test("when the owner closes, calls and streams of those attached fail, and the next opener owns", async () => {
  const folder = makeFolder();
  const owner = await own(folder);
  owner.serve({
    call: () => new Promise(() => {}),
    async *stream(_method, _params, signal) {
      yield 1;
      await once(signal, "abort");
    },
  });
  const attached = await attachTo(folder);
  const call = attached.call("x", null);
  const items = attached.stream("tail", null)[Symbol.asyncIterator]();
  await items.next();
  const next = items.next();
  await Promise.all([
    owner.close(),
    expect(call).rejects.toMatchObject({ code: "owner-gone", retryable: true }),
    expect(next).rejects.toMatchObject({ code: "owner-gone" }),
    attached.ended,
  ]);
  const second = await own(folder);
  await second.close();
});

test("a socket left by a killed owner is taken over, and so is any other file at its place", async () => {
  const folder = makeFolder();
  const path = prepareSocketPath(folder);
  const stale = createServer();
  stale.listen(path);
  await once(stale, "listening");
  const owner = await own(folder);
  owner.serve(echo);
  const attached = await attachTo(folder);
  expect(await attached.call("x", 1)).toEqual({ method: "x", params: 1 });
  attached.close();
  await owner.close();
  stale.close();
});

test("says busy when somebody holds the lock but nobody answers, after ten seconds", async () => {
  const folder = makeFolder();
  prepareSocketPath(folder);
  const lock = tryLockStore(folder);
  const clock = new HandTurnedClock();
  let settled = false;
  const opening = openOrAttach({ folder, clock }).catch((error: unknown) => error);
  void opening.then(() => {
    settled = true;
  });
  while (!settled) await clock.turn(100);
  expect(await opening).toMatchObject({ code: "busy" });
  lock?.release();
});

test("says busy too when the owner takes the connection but does not greet, as a stopped process", async () => {
  const folder = makeFolder();
  const path = prepareSocketPath(folder);
  const lock = tryLockStore(folder);
  const mute = createServer((socket) => socket.on("error", () => {}));
  mute.listen(path);
  await once(mute, "listening");
  const clock = new HandTurnedClock();
  let settled = false;
  const opening = openOrAttach({ folder, clock }).catch((error: unknown) => error);
  void opening.then(() => {
    settled = true;
  });
  while (!settled) await clock.turn(100);
  expect(await opening).toMatchObject({ code: "busy" });
  mute.close();
  lock?.release();
});

test("another version is named as such", async () => {
  const folder = makeFolder();
  const path = prepareSocketPath(folder);
  const lock = tryLockStore(folder);
  const other = createServer((socket) => socket.end('{"parley":2}\n'));
  other.listen(path);
  await once(other, "listening");
  await expect(openOrAttach({ folder })).rejects.toMatchObject({ code: "malformed" });
  other.close();
  lock?.release();
});

test("a folder that is no folder, or whose permissions cannot be trusted, is refused", () => {
  const folder = makeFolder("real");
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  prepareSocketPath(folder);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});

async function rawPeer(path: string): Promise<Socket> {
  const socket = connect(path);
  socket.on("error", () => {});
  await once(socket, "data");
  return socket;
}

async function isGreeted(path: string): Promise<boolean> {
  const socket = connect(path);
  let greeted = false;
  socket.on("error", () => {});
  socket.on("data", () => {
    greeted = true;
    socket.destroy();
  });
  await once(socket, "close");
  return greeted;
}

test.each([
  ["no JSON", "hello\n"],
  ["no message", "[1,2]\n"],
  ["no number", '{"kind":"call","method":"x"}\n'],
  ["an unknown kind", '{"id":1,"kind":"eval","method":"x"}\n'],
  ["a method that is no text", '{"id":1,"kind":"call","method":{}}\n'],
  ["ill-formed UTF-8", Buffer.from('{"id":1,"kind":"call","method":"\xff"}\n', "latin1")],
  ["a line without end", Buffer.alloc(MAX_CALL_BYTES + 1, 0x20)],
  ["a line that is too long", Buffer.concat([Buffer.alloc(MAX_CALL_BYTES + 1, 0x20), Buffer.from("\n")])],
  ["deep nesting", `${"[".repeat(500_000)}\n`],
])("a peer that sends %s is sent away; the others notice nothing", async (_, bytes) => {
  const { path, attached } = await pair();
  const peer = await rawPeer(path);
  const closed = once(peer, "close");
  peer.write(bytes);
  peer.resume();
  await closed;
  expect(await attached.call("x", 1)).toEqual({ method: "x", params: 1 });
});

test("a peer with too many open calls is sent away", async () => {
  const { path, attached } = await pair({
    ...echo,
    call: (method, params) =>
      method === "wait" ? new Promise(() => {}) : echo.call(method, params, new AbortController().signal),
  });
  const peer = await rawPeer(path);
  const closed = once(peer, "close");
  for (let id = 0; id <= MAX_OPEN_CALLS; id++)
    peer.write(`${JSON.stringify({ id, kind: "call", method: "wait" })}\n`);
  peer.resume();
  await closed;
  expect(await attached.call("x", 1)).toEqual({ method: "x", params: 1 });
});

test("peers above the limit are sent away until one leaves", async () => {
  const { path, attached } = await pair();
  const peers: Socket[] = [];
  while (peers.length < MAX_PEERS - 1) peers.push(await rawPeer(path));
  expect(await isGreeted(path)).toBe(false);
  expect(await attached.call("x", 1)).toEqual({ method: "x", params: 1 });
  for (const peer of peers) peer.destroy();
  while (!(await isGreeted(path))) expect(peers.every((peer) => peer.destroyed)).toBe(true);
});

test("no bytes of a peer bring the owner down", async () => {
  const { path, attached } = await pair();
  const line = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.json().map((text) => Buffer.from(`${text}\n`)),
    fc
      .record({
        id: fc.oneof(fc.nat(), fc.anything()),
        kind: fc.constantFrom("call", "stream", "x"),
        method: fc.string(),
        params: fc.jsonValue(),
      })
      .map((message) =>
        Buffer.from(`${JSON.stringify(message, (_, value) => (typeof value === "bigint" ? 0 : value))}\n`),
      ),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 5 }), async (lines) => {
      const peer = await rawPeer(path);
      const closed = once(peer, "close");
      for (const bytes of lines) peer.write(bytes);
      peer.resume();
      peer.end();
      await closed;
      expect(await attached.call("x", 1)).toEqual({ method: "x", params: 1 });
    }),
    { numRuns: 300 },
  );
});

const STARTER = `
  const { openOrAttach } = await import(process.argv[1]);
  const opened = await openOrAttach({ folder: process.argv[2] });
  if (opened.role === "owner") {
    opened.serve({ call: async () => process.pid, async *stream() {} });
    console.log("owner", process.pid);
  } else {
    console.log("attached", await opened.call("pid", null));
  }
  process.stdin.resume();
  process.stdin.on("end", () => process.exit(0));
`;

function startProcess(folder: string) {
  const module = new URL("./open-or-attach.ts", import.meta.url).href;
  const child = spawn(process.execPath, ["--input-type=module", "-e", STARTER, module, folder], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const told = once(createInterface({ input: child.stdout }), "line").then(([line]) => {
    const [role, pid] = String(line).split(" ");
    return { role, owner: Number(pid), child: child as ChildProcess };
  });
  return told;
}

test("of processes that start at once exactly one owns; when it is killed, exactly one of the next does", async () => {
  const folder = makeFolder("account");
  for (let round = 0; round < 3; round++) {
    const told = await Promise.all(Array.from({ length: 4 }, () => startProcess(folder)));
    const owners = told.filter(({ role }) => role === "owner");
    expect(owners).toHaveLength(1);
    const [owner] = owners;
    for (const { owner: pid } of told) expect(pid).toBe(owner?.child.pid);
    const late = await startProcess(folder);
    expect(late).toMatchObject({ role: "attached", owner: owner?.child.pid });
    const gone = Promise.all([...told, late].map(({ child }) => once(child, "exit")));
    for (const { child } of [...told, late]) child.kill("SIGKILL");
    await gone;
    expect(existsSync(prepareSocketPath(folder))).toBe(true);
  }
});
