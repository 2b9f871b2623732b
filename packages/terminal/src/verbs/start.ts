import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import type { Chat } from "@parley/client";
import { settleConnection } from "../chat-waiting.ts";
import { CommandFailure } from "../command-failure.ts";
import { accountExists, makeAccount } from "../composition.ts";
import { relayFolder } from "../environment.ts";
import type { ExitCode } from "../exit-codes.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { Greeting } from "../opened-screen.ts";
import { showChat } from "../opened-screen.ts";
import type { ScreenChoice, VerbContext } from "../program.ts";
import { PROGRAM_FILE } from "../program-file.ts";
import { findRelayService, rememberedPort } from "../relay-service.ts";
import { chooseName } from "./join.ts";
import { DEFAULT_LISTEN_PORT } from "./serve.ts";

const FIRST_ROOM = "lounge";
const CONNECT_PATIENCE_MS = 10_000;

/**
 * `parley start`: opens the chat. When there is no account yet, a relay is started on this machine, one question is
 * asked, and an account and a first room are made. The relay runs as a process of its own, as long as this one.
 */
export async function runStart(context: VerbContext, choice: ScreenChoice): Promise<ExitCode> {
  const { environment, streams, folder } = context;
  if (!streams.interactive) {
    throw new CommandFailure(
      "The chat needs a terminal; `parley --help` lists what works without one",
      EXIT_CODES.usage,
    );
  }
  const relayData = relayFolder(environment);
  const isNew = !(await accountExists(folder));
  const name = isNew ? await chooseName(context, undefined) : "";
  const needsRelay = isNew || existsSync(relayData);
  const relay = needsRelay ? await ensureRelay(relayData) : undefined;
  try {
    if (!isNew) return await showChat(context, choice);
    const service = await findRelayService(relayData);
    if (!service) throw new CommandFailure("The relay on this machine did not start");
    await using operator = service;
    await makeAccount({ folder, name, road: { link: await operator.invite() } });
    return await showChat(context, choice, firstGreeting);
  } finally {
    await relay?.stop();
  }
}

async function firstGreeting(chat: Chat): Promise<Greeting> {
  await settleConnection(chat, { timeoutMs: CONNECT_PATIENCE_MS });
  const room = chat.snapshot().rooms[0]?.id ?? (await chat.createRoom(FIRST_ROOM));
  const link = await chat.createInviteLink({ room });
  return {
    title: `Welcome, ${chat.snapshot().me.name}`,
    lines: [
      `You are in ${FIRST_ROOM}. Give this link to the next person, on this machine; it works once, within a day:`,
      "",
      link,
      "",
      "They run: parley join LINK --profile THEIR-NAME",
      "/invite makes another link, /help lists everything, /words shows where your recovery words are.",
    ],
  };
}

interface Companion {
  stop(): Promise<void>;
}

/** A relay on this machine: the one that runs, or a new process. */
async function ensureRelay(folder: string): Promise<Companion | undefined> {
  const running = await findRelayService(folder);
  if (running) {
    await running[Symbol.asyncDispose]();
    return undefined;
  }
  const port = (await rememberedPort(folder)) ?? (await freePort(DEFAULT_LISTEN_PORT));
  const child = fork(
    PROGRAM_FILE,
    ["serve", "--companion", "--yes", "--log", "silent", "--data", folder, "--listen", `127.0.0.1:${port}`],
    { stdio: ["ignore", "ignore", "pipe", "ipc"], detached: true },
  );
  await ready(child);
  return { stop: () => stop(child) };
}

async function ready(child: ChildProcess): Promise<void> {
  let told = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    told = (told + chunk.toString("utf8")).slice(-2_000);
  });
  const failure = (): CommandFailure =>
    new CommandFailure(told.trim().replace(/^parley: /, "") || "The relay did not start");
  await new Promise<void>((resolve, reject) => {
    child.once("message", () => resolve());
    child.once("error", () => reject(failure()));
    child.once("close", () => reject(failure()));
  });
}

/** The relay drains; it is not waited for longer than it takes to notice. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.connected) child.disconnect();
  child.unref();
}

/** The wanted port, or any other when it is taken. */
async function freePort(wanted: number): Promise<number> {
  for (const port of [wanted, 0]) {
    const server = createServer();
    const got = await new Promise<number | undefined>((resolve) => {
      server.once("error", () => resolve(undefined));
      server.listen(port, "127.0.0.1", () => {
        const address = server.address();
        resolve(typeof address === "object" && address ? address.port : undefined);
      });
    });
    await new Promise<void>((resolve) => server.close(() => resolve()));
    if (got !== undefined) return got;
  }
  throw new CommandFailure("No port on 127.0.0.1 can be had");
}
