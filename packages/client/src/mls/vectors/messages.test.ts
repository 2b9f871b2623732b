import type { MLSMessage } from "ts-mls";
import { decodeMlsMessage, encodeMlsMessage } from "ts-mls";
import type { Decoder } from "ts-mls/codec/tlsDecoder.js";
import type { BufferEncoder } from "ts-mls/codec/tlsEncoder.js";
import { encode } from "ts-mls/codec/tlsEncoder.js";
import { determineLength } from "ts-mls/codec/variableLength.js";
import { commitEncoder, decodeCommit } from "ts-mls/commit.js";
import type { GroupContext } from "ts-mls/groupContext.js";
import { decodeGroupSecrets, groupSecretsEncoder } from "ts-mls/groupSecrets.js";
import {
  protectApplicationData,
  protectProposal,
  unprotectPrivateMessage,
} from "ts-mls/messageProtection.js";
import { protectProposalPublic, unprotectPublicMessage } from "ts-mls/messageProtectionPublic.js";
import { decodeProposal, encodeProposal, proposalEncoder } from "ts-mls/proposal.js";
import { decodeRatchetTree, ratchetTreeEncoder } from "ts-mls/ratchetTree.js";
import { createSecretTree } from "ts-mls/secretTree.js";
import { expect } from "vitest";
import { bytes, hex, testVectors, VECTOR_CONFIG } from "./official-vectors.ts";

testVectors<{ vlbytes_header: string; length: number }>("deserialization", (vector) => {
  expect(determineLength(bytes(vector.vlbytes_header)).length).toBe(vector.length);
});

/** Decodes all of it and gives the same bytes back. */
function roundTrip<Value>(encoded: string, decode: Decoder<Value>, encoder: BufferEncoder<Value>): void {
  const decoded = decode(bytes(encoded), 0);
  expect(decoded?.[1]).toBe(encoded.length / 2);
  expect(hex(encode(encoder)(decoded![0]))).toBe(encoded);
}

/** The vectors give a proposal's body; its type goes before it on the wire (RFC 9420 §12.1). */
const PROPOSAL_TYPES = {
  add_proposal: "0001",
  update_proposal: "0002",
  remove_proposal: "0003",
  pre_shared_key_proposal: "0004",
  re_init_proposal: "0005",
  external_init_proposal: "0006",
  group_context_extensions_proposal: "0007",
};

testVectors<Record<string, string>>("messages", (vector) => {
  const wire = [
    "mls_welcome",
    "mls_group_info",
    "mls_key_package",
    "public_message_application",
    "public_message_proposal",
    "public_message_commit",
    "private_message",
  ];
  for (const name of wire) {
    const encoded = vector[name] ?? "";
    const decoded = decodeMlsMessage(bytes(encoded), 0);
    expect(decoded?.[1]).toBe(encoded.length / 2);
    expect(hex(encodeMlsMessage(decoded![0]))).toBe(encoded);
  }
  const part = (name: string) => vector[name] ?? "";
  roundTrip(part("ratchet_tree"), decodeRatchetTree, ratchetTreeEncoder);
  roundTrip(part("group_secrets"), decodeGroupSecrets, groupSecretsEncoder);
  roundTrip(part("commit"), decodeCommit, commitEncoder);
  for (const [name, type] of Object.entries(PROPOSAL_TYPES))
    roundTrip(`${type}${part(name)}`, decodeProposal, proposalEncoder);
});

function privateMessage(message: MLSMessage) {
  if (message.wireformat !== "mls_private_message") throw new Error("not a private message");
  return message.privateMessage;
}

function publicMessage(message: MLSMessage) {
  if (message.wireformat !== "mls_public_message") throw new Error("not a public message");
  return message.publicMessage;
}

testVectors<Record<string, string> & { epoch: never }>("message-protection", async (vector, suite) => {
  const given = (name: string) => bytes(vector[name] ?? "");
  const message = (name: string) => decodeMlsMessage(given(name), 0)![0];
  const groupContext: GroupContext = {
    version: "mls10",
    cipherSuite: suite.name,
    groupId: given("group_id"),
    epoch: BigInt(vector.epoch),
    treeHash: given("tree_hash"),
    confirmedTranscriptHash: given("confirmed_transcript_hash"),
    extensions: [],
  };
  const [senderDataSecret, membershipKey] = [given("sender_data_secret"), given("membership_key")];
  const [signer, verifier] = [given("signature_priv"), given("signature_pub")];
  const { keyRetentionConfig: retention, paddingConfig: padding } = VECTOR_CONFIG;
  const secretTree = () => createSecretTree(2, given("encryption_secret"), suite.kdf);
  const open = async (sealed: ReturnType<typeof privateMessage>) => {
    const tree = await secretTree();
    return unprotectPrivateMessage(
      senderDataSecret,
      sealed,
      tree,
      [],
      groupContext,
      retention,
      suite,
      verifier,
    );
  };
  const openPublic = (sealed: ReturnType<typeof publicMessage>) =>
    unprotectPublicMessage(membershipKey, groupContext, [], sealed, suite, verifier);

  const contentOf = ({ content }: Awaited<ReturnType<typeof open>>["content"]) => {
    if (content.contentType === "application") return hex(content.applicationData);
    return content.contentType === "commit"
      ? hex(encode(commitEncoder)(content.commit))
      : hex(encodeProposal(content.proposal));
  };
  for (const kind of ["application", "proposal", "commit"])
    expect(contentOf((await open(privateMessage(message(`${kind}_priv`)))).content)).toBe(vector[kind]);
  for (const kind of ["proposal", "commit"])
    expect(contentOf(await openPublic(publicMessage(message(`${kind}_pub`))))).toBe(vector[kind]);

  const nothing = new Uint8Array(0);
  const proposal = decodeProposal(given("proposal"), 0)![0];
  const application = await protectApplicationData(
    signer,
    senderDataSecret,
    given("application"),
    nothing,
    groupContext,
    await secretTree(),
    1,
    padding,
    suite,
  );
  expect(contentOf((await open(application.privateMessage)).content)).toBe(vector["application"]);
  const sealed = await protectProposal(
    signer,
    senderDataSecret,
    proposal,
    nothing,
    groupContext,
    await secretTree(),
    1,
    padding,
    suite,
  );
  expect(contentOf((await open(sealed.privateMessage)).content)).toBe(vector["proposal"]);
  const shown = await protectProposalPublic(signer, membershipKey, groupContext, nothing, proposal, 1, suite);
  expect(contentOf(await openPublic(shown.publicMessage))).toBe(vector["proposal"]);
});
