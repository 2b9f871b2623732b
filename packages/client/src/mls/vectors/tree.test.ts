import { validateRatchetTree } from "ts-mls/clientState.js";
import { applyUpdatePathSecret } from "ts-mls/createCommit.js";
import type { GroupContext } from "ts-mls/groupContext.js";
import { getCommitSecret } from "ts-mls/pathSecrets.js";
import { mergePrivateKeyPaths, toPrivateKeyPath } from "ts-mls/privateKeyPath.js";
import { decodeProposal } from "ts-mls/proposal.js";
import {
  addLeafNode,
  decodeRatchetTree,
  encodeRatchetTree,
  removeLeafNode,
  resolution,
  updateLeafNode,
} from "ts-mls/ratchetTree.js";
import { treeHash, treeHashRoot } from "ts-mls/treeHash.js";
import { left, nodeWidth, parent, right, root, sibling, toLeafIndex, toNodeIndex } from "ts-mls/treemath.js";
import { applyUpdatePath, decodeUpdatePath } from "ts-mls/updatePath.js";
import { expect } from "vitest";
import { bytes, hex, testVectors, VECTOR_CONFIG } from "./official-vectors.ts";

const treeFrom = (encoded: string) => decodeRatchetTree(bytes(encoded), 0)![0];

function orNull(compute: () => number): number | null {
  try {
    return compute();
  } catch {
    return null;
  }
}

testVectors<{
  n_leaves: number;
  n_nodes: number;
  root: number;
  left: (number | null)[];
  right: (number | null)[];
  parent: (number | null)[];
  sibling: (number | null)[];
}>("tree-math", (vector) => {
  const leaves = vector.n_leaves;
  expect(nodeWidth(leaves)).toBe(vector.n_nodes);
  expect(root(leaves)).toBe(vector.root);
  for (const [index] of vector.left.entries()) {
    const node = toNodeIndex(index);
    expect(orNull(() => left(node))).toBe(vector.left[index]);
    expect(orNull(() => right(node))).toBe(vector.right[index]);
    expect(orNull(() => parent(node, leaves))).toBe(vector.parent[index]);
    expect(orNull(() => sibling(node, leaves))).toBe(vector.sibling[index]);
  }
});

testVectors<{
  tree_before: string;
  proposal: string;
  proposal_sender: number;
  tree_after: string;
  tree_hash_before: string;
  tree_hash_after: string;
}>("tree-operations", async (vector, suite) => {
  const before = treeFrom(vector.tree_before);
  expect(hex(await treeHashRoot(before, suite.hash))).toBe(vector.tree_hash_before);
  const proposal = decodeProposal(bytes(vector.proposal), 0)![0];
  const after = () => {
    if (proposal.proposalType === "add") return addLeafNode(before, proposal.add.keyPackage.leafNode)[0];
    if (proposal.proposalType === "remove")
      return removeLeafNode(before, toLeafIndex(proposal.remove.removed));
    if (proposal.proposalType !== "update") throw new Error("an unexpected proposal");
    return updateLeafNode(before, proposal.update.leafNode, toLeafIndex(vector.proposal_sender));
  };
  expect(hex(encodeRatchetTree(after()))).toBe(vector.tree_after);
  expect(hex(await treeHashRoot(after(), suite.hash))).toBe(vector.tree_hash_after);
});

testVectors<{ tree: string; group_id: string; tree_hashes: string[]; resolutions: number[][] }>(
  "tree-validation",
  async (vector, suite) => {
    const tree = treeFrom(vector.tree);
    for (const [node, expected] of vector.tree_hashes.entries())
      expect(hex(await treeHash(tree, toNodeIndex(node), suite.hash))).toBe(expected);
    for (const [node, expected] of vector.resolutions.entries())
      expect(resolution(tree, toNodeIndex(node))).toEqual(expected);
    const groupContext: GroupContext = {
      version: "mls10",
      cipherSuite: suite.name,
      groupId: bytes(vector.group_id),
      epoch: 0n,
      treeHash: await treeHashRoot(tree, suite.hash),
      confirmedTranscriptHash: new Uint8Array(0),
      extensions: [],
    };
    const { lifetimeConfig, authService } = VECTOR_CONFIG;
    const validate = (hash: Uint8Array) =>
      validateRatchetTree(tree, groupContext, lifetimeConfig, authService, hash, suite);
    expect(await validate(groupContext.treeHash)).toBeUndefined();
    expect(await validate(new Uint8Array(suite.kdf.size))).toBeInstanceOf(Error);
  },
);

testVectors<{
  group_id: string;
  epoch: number;
  confirmed_transcript_hash: string;
  ratchet_tree: string;
  leaves_private: {
    index: number;
    encryption_priv: string;
    path_secrets: { node: number; path_secret: string }[];
  }[];
  update_paths: {
    sender: number;
    update_path: string;
    path_secrets: (string | null)[];
    commit_secret: string;
    tree_hash_after: string;
  }[];
}>("treekem", async (vector, suite) => {
  const tree = treeFrom(vector.ratchet_tree);
  for (const update of vector.update_paths) {
    const path = decodeUpdatePath(bytes(update.update_path), 0)![0];
    const sender = toLeafIndex(update.sender);
    const after = await applyUpdatePath(tree, sender, path, suite.hash);
    expect(hex(await treeHashRoot(after, suite.hash))).toBe(update.tree_hash_after);
    const groupContext: GroupContext = {
      version: "mls10",
      cipherSuite: suite.name,
      groupId: bytes(vector.group_id),
      epoch: BigInt(vector.epoch),
      treeHash: bytes(update.tree_hash_after),
      confirmedTranscriptHash: bytes(vector.confirmed_transcript_hash),
      extensions: [],
    };
    for (const leaf of vector.leaves_private) {
      const expected = update.path_secrets[leaf.index];
      if (leaf.index === update.sender || expected === null || expected === undefined) continue;
      const secrets = Object.fromEntries(
        leaf.path_secrets.map(({ node, path_secret }) => [node, bytes(path_secret)]),
      );
      const keys = mergePrivateKeyPaths(await toPrivateKeyPath(secrets, leaf.index, suite), {
        leafIndex: leaf.index,
        privateKeys: { [leaf.index * 2]: bytes(leaf.encryption_priv) },
      });
      const found = await applyUpdatePathSecret(after, keys, sender, groupContext, path, [], suite);
      expect(hex(found.pathSecret)).toBe(expected);
      const commitSecret = await getCommitSecret(after, found.nodeIndex, found.pathSecret, suite.kdf);
      expect(hex(commitSecret)).toBe(update.commit_secret);
    }
  }
});
