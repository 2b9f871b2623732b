import type { DeviceAddress, Infer } from "@parley/protocol";
import {
  decode,
  deviceAddress,
  encode,
  fixed,
  flag,
  inviteId,
  LIMITS,
  opaque,
  optional,
  ProtocolError,
  roomId,
  struct,
  u8,
  u53,
  variant,
} from "@parley/protocol";
import type { Signer } from "@parley/trust";
import { verifySignature } from "@parley/trust";

const VERSION = 1;
const LABEL = new TextEncoder().encode("parley-inbox-item-v1");

/** What one device puts into another's inbox (docs/protocol.md §6.4). The relay can read it, but not alter it. */
const body = variant({
  /** A Welcome into a room, at the epoch it begins with. */
  welcome: [1, struct({ room: roomId, epoch: u53, direct: flag, message: opaque(LIMITS.inboxItemBytes) })],
  /** "I came by your link": proves knowledge of the invite's secret (trust.md §A1). */
  "join-request": [
    2,
    struct({
      invite: inviteId,
      mac: fixed(32),
      /** The guest's view of the server's log. */
      checkpoint: optional(struct({ size: u53, root: fixed(32) })),
    }),
  ],
});
/** See {@link sealInboxItem}. */
export type InboxBody = Infer<typeof body>;

const signed = struct({
  version: u8,
  sender: deviceAddress,
  recipient: fixed(32),
  body: opaque(LIMITS.inboxItemBytes),
});
const layout = struct({ signed: opaque(LIMITS.inboxItemBytes), signature: fixed(64) });

/** @returns an inbox item for `recipient` (an account), signed by the sender's device. */
export async function sealInboxItem(
  item: InboxBody,
  { sender, signer, recipient }: { sender: DeviceAddress; signer: Signer; recipient: Uint8Array },
): Promise<Uint8Array> {
  const content = encode(signed, { version: VERSION, sender, recipient, body: encode(body, item) });
  return encode(layout, { signed: content, signature: await signer.sign(labelled(content)) });
}

/**
 * Reads an item and proves its sender. Throws ProtocolError `malformed`, also when the signature does not hold, when it
 * was meant for another account, or when the relay names another sender.
 *
 * @param deviceKey finds a device's key; undefined means there is no such device
 */
export async function openInboxItem(
  bytes: Uint8Array,
  expected: { readonly sender: DeviceAddress; readonly recipient: Uint8Array },
  deviceKey: (device: DeviceAddress) => Promise<Uint8Array | undefined>,
): Promise<InboxBody> {
  const { signed: content, signature } = decode(layout, bytes);
  const { version, sender, recipient, body: inner } = decode(signed, content);
  if (version !== VERSION) throw new ProtocolError("malformed", "inbox item version");
  const same = (a: Uint8Array, b: Uint8Array) => a.toHex() === b.toHex();
  if (!same(recipient, expected.recipient))
    throw new ProtocolError("malformed", "inbox item of another account");
  if (!same(sender.account, expected.sender.account) || sender.device !== expected.sender.device) {
    throw new ProtocolError("malformed", "inbox item of another sender");
  }
  const key = await deviceKey(sender);
  if (!key || !(await verifySignature(key, labelled(content), signature))) {
    throw new ProtocolError("malformed", "inbox item signature");
  }
  return decode(body, inner);
}

function labelled(content: Uint8Array): Uint8Array {
  const message = new Uint8Array(LABEL.length + content.length);
  message.set(LABEL);
  message.set(content, LABEL.length);
  return message;
}
