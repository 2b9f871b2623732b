import type { Socket } from "node:net";

/** Exactly the bytes asked for, and what had already arrived behind them. */
export interface ExactRead {
  readonly head: Uint8Array;
  readonly rest: Uint8Array;
}

/**
 * Waits until `lengthBytes` bytes have arrived, in whatever pieces. The socket is paused afterwards; its owner
 * attaches what reads next. Resolves to undefined when the connection ends or breaks first.
 */
export function readExactly(socket: Socket, lengthBytes: number): Promise<ExactRead | undefined> {
  return new Promise((resolve) => {
    let received: Buffer[] = [];
    let receivedBytes = 0;
    const settle = (read: ExactRead | undefined) => {
      socket.off("data", onData).off("close", onGone).off("end", onGone).off("error", onGone);
      resolve(read);
    };
    const onGone = () => settle(undefined);
    const onData = (chunk: Buffer) => {
      received.push(chunk);
      receivedBytes += chunk.length;
      if (receivedBytes < lengthBytes) return;
      socket.pause();
      const bytes = Buffer.concat(received);
      received = [];
      settle({ head: bytes.subarray(0, lengthBytes), rest: bytes.subarray(lengthBytes) });
    };
    socket.on("data", onData).on("close", onGone).on("end", onGone).on("error", onGone);
  });
}
