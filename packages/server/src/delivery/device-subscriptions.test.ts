import type { DeviceAddress, ServerFrame } from "@parley/protocol";
import { decode, decodeRoomLogEntry, encodeRoomLogEntry, serverFrame } from "@parley/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createInProcessBus } from "../bus/in-process.ts";
import { HandTurnedClock } from "../hand-turned-clock.ts";
import type { RelayStore } from "../store/contract.ts";
import { DeviceSubscriptions } from "./device-subscriptions.ts";
import { FanOut } from "./fan-out.ts";
import { Outbox } from "./outbox.ts";
import { roomLogItem, roomTopic } from "./room-source.ts";
import { Turn } from "./turn.ts";

const ROOM = new Uint8Array(16).fill(7);
const AUTHOR: DeviceAddress = { account: new Uint8Array(32), device: 1 };
const LEAVER: DeviceAddress = { account: new Uint8Array(32), device: 2 };

function turns(count: number): Promise<void> {
  return count === 0
    ? Promise.resolve()
    : new Promise<void>((resolve) => setImmediate(resolve)).then(() => turns(count - 1));
}

/** A socket that takes everything, and a reader of what it took. */
class TakingSocket {
  readonly writable = true;
  readonly writableLength = 0;
  readonly writableHighWaterMark = 64 * 1024;
  readonly #taken: Uint8Array[] = [];
  write(bytes: Uint8Array): boolean {
    this.#taken.push(bytes);
    return true;
  }
  on(): void {}
  frames(): ServerFrame[] {
    const bytes = Buffer.concat(this.#taken);
    const frames: ServerFrame[] = [];
    for (let at = 0; at < bytes.length; ) {
      const short = bytes.readUInt8(at + 1);
      const start = at + (short === 126 ? 4 : 2);
      at = start + (short === 126 ? bytes.readUInt16BE(at + 2) : short);
      frames.push(decode(serverFrame, new Uint8Array(bytes.subarray(start, at))));
    }
    return frames;
  }
}

/** One room in memory, whose reads take a while and show what there was when they began, or when they ended. */
class SlowRoom {
  readonly log: Uint8Array[] = [];
  readonly roster = [AUTHOR, LEAVER];
  readDelays: number[] = [];
  pageSize = 3;

  add(removed: readonly DeviceAddress[] = []): number {
    const seq = this.log.length + 1;
    this.log.push(
      encodeRoomLogEntry({
        room: ROOM,
        seq,
        kind: removed.length > 0 ? "commit" : "application",
        epoch: 0,
        sender: AUTHOR,
        clientId: new Uint8Array(16),
        receivedAtMs: 0,
        replaces: 0,
        added: [],
        removed,
        message: Uint8Array.of(seq),
      }),
    );
    for (const device of removed) this.roster.splice(this.roster.indexOf(device), 1);
    return seq;
  }

  store(): RelayStore {
    const delay = () => turns(this.readDelays.shift() ?? 0);
    return {
      readRoom: async (_room: Uint8Array, afterSeq: number) => {
        const isEarly = this.readDelays.length % 2 === 0;
        const page = () => this.log.slice(afterSeq, afterSeq + this.pageSize);
        const early = page();
        await delay();
        return isEarly ? early : page();
      },
      roomsOf: async (device: DeviceAddress) => {
        const heads = this.roster.includes(device) ? [{ room: ROOM, seq: this.log.length, epoch: 0 }] : [];
        await delay();
        return heads;
      },
      readInbox: async () => [],
    } as unknown as RelayStore;
  }
}

type Step =
  | { readonly kind: "append"; readonly announceAfter: number; readonly isLocal: boolean }
  | { readonly kind: "remove" }
  | { readonly kind: "resume"; readonly behind: number; readonly isLeaver: boolean }
  | { readonly kind: "wait"; readonly turns: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      announceAfter: fc.nat(2),
      isLocal: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("resume" as const),
      behind: fc.nat(12),
      isLeaver: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "remove" } as const) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("wait" as const), turns: fc.nat(3) }) },
);

interface Listener {
  readonly socket: TakingSocket;
  readonly after: number;
  readonly isLeaver: boolean;
  readonly wasAllowed: boolean;
}

async function play(steps: readonly Step[], readDelays: readonly number[]) {
  const room = new SlowRoom();
  room.readDelays = [...readDelays];
  const store = room.store();
  const turn = new Turn();
  const clock = new HandTurnedClock();
  const faults: unknown[] = [];
  const onFault = (error: unknown) => faults.push(error);
  const fanOut = new FanOut(createInProcessBus(), { turn, clock, onFault, onDelivered: () => {} });
  const listeners: Listener[] = [];
  const pending: Promise<unknown>[] = [];
  let removedAt: number | undefined;

  const announce = async (seq: number, after: number, isLocal: boolean) => {
    await turns(after);
    const item = () => roomLogItem(seq, room.log[seq - 1] as Uint8Array);
    // An entry of another node is only heard of.
    if (isLocal) fanOut.announce(roomTopic(ROOM), seq, item);
    else fanOut.announce(roomTopic(ROOM), seq, () => ({ ...item(), seq: -1 }));
  };
  const resume = async (behind: number, isLeaver: boolean) => {
    const socket = new TakingSocket();
    const outbox = new Outbox(socket, turn, { limitBytes: 1e9, onOverflow: () => {} });
    const device = isLeaver ? LEAVER : AUTHOR;
    const subscriptions = new DeviceSubscriptions({ device, store, fanOut, outbox, onFault });
    const after = Math.max(0, room.log.length - behind);
    const wasAllowed = room.roster.includes(device);
    listeners.push({ socket, after, isLeaver, wasAllowed });
    const { begin } = await subscriptions.resume([{ room: ROOM, after }], 0);
    begin();
  };
  for (const step of steps) {
    if (step.kind === "append") pending.push(announce(room.add(), step.announceAfter, step.isLocal));
    else if (step.kind === "resume") pending.push(resume(step.behind, step.isLeaver));
    else if (step.kind === "wait") await turns(step.turns);
    else if (removedAt === undefined) {
      removedAt = room.add([LEAVER]);
      pending.push(announce(removedAt, 0, true));
    }
  }
  await Promise.all(pending);
  await turns(40 + readDelays.length * 3);
  expect(faults).toEqual([]);
  return { room, listeners, removedAt };
}

describe("resuming while others write", () => {
  it("loses, repeats and reorders nothing, and says when it is live; who departs gets nothing after", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.array(fc.nat(4), { maxLength: 30 }),
        async (steps, delays) => {
          const { room, listeners, removedAt } = await play(steps, delays);
          for (const { socket, after, isLeaver, wasAllowed } of listeners) {
            const frames = socket.frames();
            const seqs = frames.flatMap((frame) =>
              frame.kind === "entry" ? [decodeRoomLogEntry(frame.entry).seq] : [],
            );
            if (isLeaver && !wasAllowed) {
              expect(frames).toEqual([]);
              continue;
            }
            const end = isLeaver && removedAt !== undefined ? removedAt : room.log.length;
            if (isLeaver && removedAt !== undefined && seqs.length === 0 && frames.length === 0) continue;
            expect(seqs).toEqual(Array.from({ length: end - after }, (_, index) => after + 1 + index));
            const live = frames.findIndex(({ kind }) => kind === "live");
            if (isLeaver && removedAt !== undefined) {
              expect(frames.at(-1)).toEqual({ kind: "removed", room: ROOM, seq: removedAt });
            } else {
              const before = frames.slice(0, live).filter(({ kind }) => kind === "entry").length;
              expect(frames[live]).toMatchObject({ kind: "live", seq: after + before });
            }
            expect(frames.filter(({ kind }) => kind === "live").length).toBeLessThanOrEqual(1);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
