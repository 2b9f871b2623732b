import type { Delivery } from "@parley/client";
import type { Answer, Request, RoomLogEntry } from "@parley/protocol";
import { encodeRoomLogEntry } from "@parley/protocol";
import type { OpenChatOptions } from "../packages/client/src/node/open-chat.ts";

type Wrap = NonNullable<OpenChatOptions["unsafeTestingConnect"]>;

/** The owner of the right server who lies to one client: between its relay and the client, after TLS. */
export class HostileRelay {
  /** What the client gets in the place of a delivery. Honest until set. */
  deliver: (delivery: Delivery) => readonly Delivery[] = (delivery) => [delivery];
  /** What the client gets in the place of an answer. Honest until set. */
  answer: (answer: Answer, request: Request) => Answer = (answer) => answer;

  readonly connect: Wrap = (connect) => async (given) => {
    const connection = await connect({
      ...given,
      onDelivery: async (delivery) => {
        for (const told of this.deliver(delivery)) await given.onDelivery(told);
      },
    });
    return {
      ...connection,
      request: async (request, expected) =>
        this.answer(await connection.request(request, expected), request) as never,
    };
  };

  /** Tampers with the next `count` entries of the room's log, then is honest again. */
  tamper(count: number, change: (entries: readonly RoomLogEntry[]) => readonly RoomLogEntry[]): void {
    const held: RoomLogEntry[] = [];
    this.deliver = (delivery) => {
      if (delivery.kind !== "entry") return [delivery];
      held.push(delivery.entry);
      if (held.length < count) return [];
      this.deliver = (next) => [next];
      return change(held).map((entry) => ({ kind: "entry", bytes: encodeRoomLogEntry(entry), entry }));
    };
  }
}
