import { WebSocket } from "ws";

/** A WebSocket that lets its owner have the last word before a close frame goes out, also when `ws` closes by itself. */
export class RelaySocket extends WebSocket {
  beforeClose: ((code: number) => void) | undefined;

  override close(code?: number, reason?: string): void {
    const last = this.beforeClose;
    this.beforeClose = undefined;
    last?.(code ?? 1005);
    super.close(code, reason);
  }
}
