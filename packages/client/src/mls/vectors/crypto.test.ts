import { mlsExporter } from "ts-mls";
import { decodeAuthenticatedContent } from "ts-mls/authenticatedContent.js";
import { refhash } from "ts-mls/crypto/hash.js";
import { decryptWithLabel, encryptWithLabel } from "ts-mls/crypto/hpke.js";
import { deriveSecret, deriveTreeSecret, expandWithLabel } from "ts-mls/crypto/kdf.js";
import { signWithLabel, verifyWithLabel } from "ts-mls/crypto/signature.js";
import { verifyConfirmationTag } from "ts-mls/framedContent.js";
import { decodeGroupContext } from "ts-mls/groupContext.js";
import { initializeEpoch } from "ts-mls/keySchedule.js";
import { computePskSecret } from "ts-mls/presharedkey.js";
import { createSecretTree, ratchetToGeneration } from "ts-mls/secretTree.js";
import type { ReuseGuard } from "ts-mls/sender.js";
import { expandSenderDataKey, expandSenderDataNonce } from "ts-mls/sender.js";
import { createConfirmedHash, createInterimHash } from "ts-mls/transcriptHash.js";
import { expect } from "vitest";
import { bytes, hex, testVectors } from "./official-vectors.ts";

testVectors<{
  ref_hash: { label: string; value: string; out: string };
  expand_with_label: { secret: string; label: string; context: string; length: number; out: string };
  derive_secret: { secret: string; label: string; out: string };
  derive_tree_secret: { secret: string; label: string; generation: number; length: number; out: string };
  sign_with_label: { priv: string; pub: string; content: string; label: string; signature: string };
  encrypt_with_label: {
    priv: string;
    pub: string;
    label: string;
    context: string;
    plaintext: string;
    kem_output: string;
    ciphertext: string;
  };
}>("crypto-basics", async (vector, suite) => {
  const {
    ref_hash: ref,
    expand_with_label: expand,
    derive_secret: derive,
    derive_tree_secret: tree,
  } = vector;
  expect(hex(await refhash(ref.label, bytes(ref.value), suite.hash))).toBe(ref.out);
  const context = bytes(expand.context);
  const expanded = await expandWithLabel(
    bytes(expand.secret),
    expand.label,
    context,
    expand.length,
    suite.kdf,
  );
  expect(hex(expanded)).toBe(expand.out);
  expect(hex(await deriveSecret(bytes(derive.secret), derive.label, suite.kdf))).toBe(derive.out);
  const node = await deriveTreeSecret(
    bytes(tree.secret),
    tree.label,
    tree.generation,
    tree.length,
    suite.kdf,
  );
  expect(hex(node)).toBe(tree.out);

  const { sign_with_label: sign, encrypt_with_label: encrypt } = vector;
  const { signature } = suite;
  const [signer, verifier, content] = [bytes(sign.priv), bytes(sign.pub), bytes(sign.content)];
  expect(await verifyWithLabel(verifier, sign.label, content, bytes(sign.signature), signature)).toBe(true);
  expect(hex(await signWithLabel(signer, sign.label, content, signature))).toBe(sign.signature);
  expect(await verifyWithLabel(verifier, `${sign.label}!`, content, bytes(sign.signature), signature)).toBe(
    false,
  );

  const { hpke } = suite;
  const recipient = await hpke.importPrivateKey(bytes(encrypt.priv));
  const about = bytes(encrypt.context);
  const open = (enc: Uint8Array, ct: Uint8Array) =>
    decryptWithLabel(recipient, encrypt.label, about, enc, ct, hpke);
  expect(hex(await open(bytes(encrypt.kem_output), bytes(encrypt.ciphertext)))).toBe(encrypt.plaintext);
  const to = await hpke.importPublicKey(bytes(encrypt.pub));
  const sealed = await encryptWithLabel(to, encrypt.label, about, bytes(encrypt.plaintext), hpke);
  expect(hex(await open(sealed.enc, sealed.ct))).toBe(encrypt.plaintext);
});

testVectors<{
  initial_init_secret: string;
  epochs: (Record<string, string> & { exporter: never })[];
}>("key-schedule", async (vector, suite) => {
  let init = bytes(vector.initial_init_secret);
  for (const epoch of vector.epochs) {
    const given = (name: string) => bytes(epoch[name] ?? "");
    const context = decodeGroupContext(given("group_context"), 0)![0];
    const made = await initializeEpoch(init, given("commit_secret"), context, given("psk_secret"), suite.kdf);
    const { keySchedule } = made;
    const external = await suite.hpke.deriveKeyPair(keySchedule.externalSecret);
    const expected = {
      joiner_secret: made.joinerSecret,
      welcome_secret: made.welcomeSecret,
      encryption_secret: made.encryptionSecret,
      init_secret: keySchedule.initSecret,
      sender_data_secret: keySchedule.senderDataSecret,
      exporter_secret: keySchedule.exporterSecret,
      external_secret: keySchedule.externalSecret,
      confirmation_key: keySchedule.confirmationKey,
      membership_key: keySchedule.membershipKey,
      resumption_psk: keySchedule.resumptionPsk,
      epoch_authenticator: keySchedule.epochAuthenticator,
      external_pub: await suite.hpke.exportPublicKey(external.publicKey),
    };
    for (const [name, value] of Object.entries(expected)) expect(hex(value), name).toBe(epoch[name]);
    const exporter = epoch.exporter as { label: string; context: string; length: number; secret: string };
    const { label, length } = exporter;
    const exported = await mlsExporter(
      keySchedule.exporterSecret,
      label,
      bytes(exporter.context),
      length,
      suite,
    );
    expect(hex(exported)).toBe(exporter.secret);
    init = keySchedule.initSecret;
  }
});

testVectors<{ psks: { psk_id: string; psk: string; psk_nonce: string }[]; psk_secret: string }>(
  "psk_secret",
  async (vector, suite) => {
    const keys = vector.psks.map(
      ({ psk_id: id, psk, psk_nonce: nonce }): Parameters<typeof computePskSecret>[0][number] => [
        { psktype: "external", pskId: bytes(id), pskNonce: bytes(nonce) },
        bytes(psk),
      ],
    );
    expect(hex(await computePskSecret(keys, suite))).toBe(vector.psk_secret);
  },
);

interface LeafKeys {
  generation: number;
  application_key: string;
  application_nonce: string;
  handshake_key: string;
  handshake_nonce: string;
}

testVectors<{
  encryption_secret: string;
  sender_data: { sender_data_secret: string; ciphertext: string; key: string; nonce: string };
  leaves: LeafKeys[][];
}>("secret-tree", async (vector, suite) => {
  const { sender_data_secret: secret, ciphertext, key, nonce } = vector.sender_data;
  expect(hex(await expandSenderDataKey(suite, bytes(secret), bytes(ciphertext)))).toBe(key);
  expect(hex(await expandSenderDataNonce(suite, bytes(secret), bytes(ciphertext)))).toBe(nonce);
  const tree = await createSecretTree(vector.leaves.length, bytes(vector.encryption_secret), suite.kdf);
  const reuseGuard = new Uint8Array(4) as ReuseGuard;
  const config = { retainKeysForGenerations: 0, retainKeysForEpochs: 4, maximumForwardRatchetSteps: 4_000 };
  for (const [leafIndex, generations] of vector.leaves.entries())
    for (const expected of generations) {
      const senderData = { leafIndex, generation: expected.generation, reuseGuard };
      const application = await ratchetToGeneration(tree, senderData, "application", config, suite);
      const handshake = await ratchetToGeneration(tree, senderData, "commit", config, suite);
      expect([hex(application.key), hex(application.nonce)]).toEqual([
        expected.application_key,
        expected.application_nonce,
      ]);
      expect([hex(handshake.key), hex(handshake.nonce)]).toEqual([
        expected.handshake_key,
        expected.handshake_nonce,
      ]);
    }
});

testVectors<Record<string, string>>("transcript-hashes", async (vector, suite) => {
  const given = (name: string) => bytes(vector[name] ?? "");
  const { wireformat, content, auth } = decodeAuthenticatedContent(given("authenticated_content"), 0)![0];
  if (content.contentType !== "commit" || auth.contentType !== "commit") throw new Error("not a commit");
  const input = { wireformat, content, signature: auth.signature };
  const confirmed = await createConfirmedHash(given("interim_transcript_hash_before"), input, suite.hash);
  expect(hex(confirmed)).toBe(vector["confirmed_transcript_hash_after"]);
  const interim = await createInterimHash(confirmed, auth.confirmationTag, suite.hash);
  expect(hex(interim)).toBe(vector["interim_transcript_hash_after"]);
  const key = given("confirmation_key");
  expect(await verifyConfirmationTag(key, auth.confirmationTag, confirmed, suite.hash)).toBe(true);
});
