import type { CiphersuiteImpl, ClientState } from "ts-mls";
import {
  decodeMlsMessage,
  joinGroup,
  makePskIndex,
  processPrivateMessage,
  processPublicMessage,
} from "ts-mls";
import { verifyGroupInfoConfirmationTag, verifyGroupInfoSignature } from "ts-mls/groupInfo.js";
import { makeKeyPackageRef } from "ts-mls/keyPackage.js";
import { decodeRatchetTree } from "ts-mls/ratchetTree.js";
import { decryptGroupInfo, decryptGroupSecrets } from "ts-mls/welcome.js";
import { expect } from "vitest";
import { bytes, hex, testVectors, VECTOR_CONFIG } from "./official-vectors.ts";

function keyPackageFrom(encoded: string) {
  const message = decodeMlsMessage(bytes(encoded), 0)![0];
  if (message.wireformat !== "mls_key_package") throw new Error("not a key package");
  return message.keyPackage;
}

function welcomeFrom(encoded: string) {
  const message = decodeMlsMessage(bytes(encoded), 0)![0];
  if (message.wireformat !== "mls_welcome") throw new Error("not a Welcome");
  return message.welcome;
}

testVectors<{ init_priv: string; key_package: string; signer_pub: string; welcome: string }>(
  "welcome",
  async (vector, suite) => {
    const welcome = welcomeFrom(vector.welcome);
    const initKey = await suite.hpke.importPrivateKey(bytes(vector.init_priv));
    const ref = await makeKeyPackageRef(keyPackageFrom(vector.key_package), suite.hash);
    const secrets = await decryptGroupSecrets(initKey, ref, welcome, suite.hpke);
    const noPsk = new Uint8Array(suite.kdf.size);
    const groupInfo = await decryptGroupInfo(welcome, secrets!.joinerSecret, noPsk, suite);
    expect(await verifyGroupInfoSignature(groupInfo!, bytes(vector.signer_pub), suite.signature)).toBe(true);
    expect(await verifyGroupInfoConfirmationTag(groupInfo!, secrets!.joinerSecret, noPsk, suite)).toBe(true);
  },
);

interface PassiveClient {
  external_psks: { psk_id: string; psk: string }[];
  key_package: string;
  signature_priv: string;
  encryption_priv: string;
  init_priv: string;
  welcome: string;
  ratchet_tree: string | null;
  initial_epoch_authenticator: string;
  epochs: { proposals: string[]; commit: string; epoch_authenticator: string }[];
}

/** A client that only listens: it must agree with the others on every epoch. */
async function listen(vector: PassiveClient, suite: CiphersuiteImpl): Promise<void> {
  const psks = Object.fromEntries(
    vector.external_psks.map(({ psk_id: id, psk }) => [
      Buffer.from(bytes(id)).toString("base64"),
      bytes(psk),
    ]),
  );
  let state: ClientState = await joinGroup(
    welcomeFrom(vector.welcome),
    keyPackageFrom(vector.key_package),
    {
      initPrivateKey: bytes(vector.init_priv),
      hpkePrivateKey: bytes(vector.encryption_priv),
      signaturePrivateKey: bytes(vector.signature_priv),
    },
    makePskIndex(undefined, psks),
    suite,
    vector.ratchet_tree === null ? undefined : decodeRatchetTree(bytes(vector.ratchet_tree), 0)![0],
    undefined,
    VECTOR_CONFIG,
  );
  expect(hex(state.keySchedule.epochAuthenticator)).toBe(vector.initial_epoch_authenticator);
  const hear = async (encoded: string) => {
    const message = decodeMlsMessage(bytes(encoded), 0)![0];
    const known = makePskIndex(state, psks);
    if (message.wireformat === "mls_private_message")
      state = (await processPrivateMessage(state, message.privateMessage, known, suite)).newState;
    else if (message.wireformat === "mls_public_message")
      state = (await processPublicMessage(state, message.publicMessage, known, suite)).newState;
    else throw new Error("not a room message");
  };
  for (const epoch of vector.epochs) {
    for (const proposal of epoch.proposals) await hear(proposal);
    await hear(epoch.commit);
    expect(hex(state.keySchedule.epochAuthenticator)).toBe(epoch.epoch_authenticator);
  }
}

testVectors<PassiveClient>("passive-client-welcome", listen);
testVectors<PassiveClient>("passive-client-handling-commit", listen);
testVectors<PassiveClient>("passive-client-random", listen);
