import type { MessageHeader, Suite } from "./engine-types.ts";
import { MlsError } from "./errors.ts";
import { suiteByName } from "./suites.ts";
import { decodeMessage, decodeWelcome } from "./wire.ts";

/**
 * Which key packages a Welcome is for, so that a client finds the secret it needs.
 * @throws MlsError `malformed`, `unsupported`
 */
export function peekWelcome(welcome: Uint8Array): { suite: Suite; keyPackageRefs: Uint8Array[] } {
  const { cipherSuite, secrets } = decodeWelcome(welcome);
  const suite = suiteByName(cipherSuite);
  if (suite === undefined) throw new MlsError("unsupported", "a Welcome of a suite outside our profile");
  return { suite, keyPackageRefs: secrets.map(({ newMember }) => newMember) };
}

/**
 * Group, epoch and kind of a room message; nothing of it is verified.
 * @throws MlsError `malformed`, `unsupported`
 */
export function peekMessage(bytes: Uint8Array): MessageHeader {
  const message = decodeMessage(bytes);
  if (message.wireformat === "mls_private_message") {
    const { groupId, epoch, contentType } = message.privateMessage;
    return { groupId, epoch, kind: contentType, external: false };
  }
  if (message.wireformat === "mls_public_message") {
    const { groupId, epoch, contentType, sender } = message.publicMessage.content;
    return { groupId, epoch, kind: contentType, external: sender.senderType === "new_member_commit" };
  }
  throw new MlsError("unsupported", "not a room message");
}
