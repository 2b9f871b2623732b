import { decode, encode, LIMITS, opaque, ProtocolError, struct } from "@parley/protocol";

const NONCE_BYTES = 12;

const layout = struct({ groupInfo: opaque(LIMITS.treeBytes), ratchetTree: opaque(LIMITS.treeBytes) });

/** What a lost member needs to come back (RFC 9420 §12.4.3.2). */
export interface RejoinState {
  readonly groupInfo: Uint8Array;
  readonly ratchetTree: Uint8Array;
}

/**
 * Encrypts a room's GroupInfo for keeping at the relay, which so learns no roles and no policy (docs/protocol.md §5.5).
 * AES-256-GCM under the room key, bound to the room. Empty while the room key has not been told.
 */
export async function sealRejoinState(
  key: Uint8Array,
  room: Uint8Array,
  state: RejoinState,
): Promise<Uint8Array> {
  if (key.length === 0) return new Uint8Array(0);
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const cipher = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv: nonce, additionalData: room.slice() },
    await aesKey(key, "encrypt"),
    encode(layout, state).slice(),
  );
  const sealed = new Uint8Array(NONCE_BYTES + cipher.byteLength);
  sealed.set(nonce);
  sealed.set(new Uint8Array(cipher), NONCE_BYTES);
  return sealed;
}

/** Opens it again; throws ProtocolError `malformed` when it was not made with this key for this room. */
export async function openRejoinState(
  key: Uint8Array,
  room: Uint8Array,
  sealed: Uint8Array,
): Promise<RejoinState> {
  try {
    const plain = await crypto.subtle.decrypt(
      { name: "AES-GCM", iv: sealed.slice(0, NONCE_BYTES), additionalData: room.slice() },
      await aesKey(key, "decrypt"),
      sealed.slice(NONCE_BYTES),
    );
    return decode(layout, new Uint8Array(plain));
  } catch (error) {
    throw new ProtocolError("malformed", error instanceof ProtocolError ? error.message : "sealed GroupInfo");
  }
}

function aesKey(key: Uint8Array, use: "encrypt" | "decrypt"): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key.slice(), "AES-GCM", false, [use]);
}
