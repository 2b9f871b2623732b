import { ConnectionError } from "./connection.ts";

/** What a channel tells its owner. Neither function may throw. */
export interface ChannelEvents {
  /** One binary message, whole and in order. The bytes belong to the receiver. */
  onMessage(bytes: Uint8Array): void;
  /** The channel has ended, by either side; called once, and nothing is called after it. */
  onEnd(error: ConnectionError): void;
}

/** An open two-way stream of binary messages: a WebSocket with the sub-protocol `SUBPROTOCOL`. */
export interface Channel {
  /** SHA-256 of the peer's SubjectPublicKeyInfo. Undefined without TLS, and where the platform hides it (browsers). */
  readonly tlsSpkiHash: Uint8Array | undefined;
  /** 32 bytes of the tls-exporter channel binding (RFC 9266 §2). Undefined where `tlsSpkiHash` is. */
  readonly tlsExporter: Uint8Array | undefined;
  /**
   * Whether a certificate authority of this machine vouches for the key and the host. One piece of evidence and never
   * more (trust.md §A3). Undefined where `tlsSpkiHash` is.
   */
  readonly tlsCertified: boolean | undefined;
  /** Sends one message. Does nothing after the end. */
  send(bytes: Uint8Array): void;
  /** Stops reading; a few messages that were read already may still come. */
  pause(): void;
  /** Reads on. */
  resume(): void;
  /** Ends the channel: politely (what was sent still leaves), or at once when `now`. */
  close(now?: boolean): void;
}

/** Makes channels on one platform. */
export interface Transport {
  /**
   * Opens `url` (`wss:`, or `ws:` to a loopback host). It proves nothing about the peer: whoever sends account data first
   * compares `tlsSpkiHash` with the relay's statement. Sends nothing but the WebSocket upgrade.
   * Throws ConnectionError `unreachable`, `not-a-relay`, or `closed` after `signal`, which has no say once it is open.
   */
  open(url: URL, events: ChannelEvents, signal: AbortSignal): Promise<Channel>;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Whether a URL's host can only be this machine. */
export function isLoopbackHost(hostname: string): boolean {
  return LOOPBACK.test(hostname);
}

/**
 * The URL of a relay from what a person types: `chat.example.org`, `host:8443`, `192.0.2.1`, `[2001:db8::1]:8443`.
 * `ws://` in front asks for a channel without TLS and is taken for loopback hosts only.
 * Throws ConnectionError `unreachable` when it is none of these.
 */
export function relayUrl(text: string): URL {
  const typed = text.trim();
  const plain = typed.startsWith("ws://");
  const url = URL.parse(plain ? typed : `wss://${typed}`);
  const bare = url && url.pathname === "/" && !url.search && !url.hash && !url.username && !url.password;
  if (!bare || /[/?#@\\]/.test(plain ? typed.slice("ws://".length) : typed)) {
    throw new ConnectionError("unreachable", "That is not the address of a server");
  }
  if (plain && !isLoopbackHost(url.hostname)) {
    throw new ConnectionError("unreachable", "A connection without TLS is possible to this machine only");
  }
  url.pathname = "/v1";
  return url;
}

/** @returns the text from which {@link relayUrl} makes `url`. */
export function relayAddress(url: URL): string {
  return url.protocol === "ws:" ? `ws://${url.host}` : url.host;
}
