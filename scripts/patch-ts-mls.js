// Corrects two rules of ts-mls 1.6.4 after installation (docs: the MLS engine's decision page), both of RFC 9420 §7.9:
//
// Each leaf in a parent's unmerged_leaves must be a non-blank leaf below that parent. The published code refuses only
// what is neither, so that secrets of a subtree could be sealed to somebody outside of it, or to a leaf long gone.
//
// Each leaf in a parent's unmerged_leaves must also be in the unmerged_leaves of every non-blank node
// between the two. The published code demands that those lists be equal, and looks above the parent too; honest
// trees break that, and then a new member can't join (stories: "the ninth member can join").
//
// Plain JavaScript for Node >= 20: it runs before the pinned runtime is there. Nothing is changed unless package
// version, lock-file integrity and the file's hash are the known ones.
import { createHash } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const VERSION = "1.6.4";
const INTEGRITY =
  "sha512-BFb9qJ3V1+HIuifC+MtnlROEj3oc6NEzA7Ig1/LAmANDRhNay7UCnwkzijzHH9cav5wf1BoJw8KQ2mXiEhPy1Q==";
/** The one file that holds the rule; Node and bundlers load the same one. */
const FILE = "dist/src/clientState.js";
const PUBLISHED_SHA256 = "63645bc3be6ec7f6d4f6d88af5c0b63e34f5e1fea693c62bd958d228b51b6f61";
const PATCHED_SHA256 = "e086c281b27fe0e32b9dbfbfaba5e70bf5e6e918f1fe90631f2a1132d3d788aa";

const PUBLISHED_RULE = `                if (tree[nodeIndex]?.nodeType !== "leaf" && !dp.includes(toNodeIndex(i)))
                    return new ValidationError("Unmerged leaf did not represent a non-blank descendant leaf node");
                for (const parentIdx of dp) {
                    const dpNode = tree[parentIdx];
                    if (dpNode !== undefined) {
                        if (dpNode.nodeType !== "parent")
                            return new InternalError("Expected parent node");
                        if (!arraysEqual(dpNode.parent.unmergedLeaves, n.parent.unmergedLeaves))
`;
const CORRECT_RULE = `                if (tree[nodeIndex]?.nodeType !== "leaf" || !dp.includes(toNodeIndex(i)))
                    return new ValidationError("Unmerged leaf did not represent a non-blank descendant leaf node");
                for (const parentIdx of dp) {
                    if (parentIdx === i)
                        break;
                    const dpNode = tree[parentIdx];
                    if (dpNode !== undefined) {
                        if (dpNode.nodeType !== "parent")
                            return new InternalError("Expected parent node");
                        if (!dpNode.parent.unmergedLeaves.includes(unmergedLeaf))
`;

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/**
 * Patches `<root>/node_modules/ts-mls`, once. Throws, having changed nothing, when it is not the release we know.
 * @param {string} root folder that holds node_modules and package-lock.json
 * @returns {"patched" | "already patched"}
 */
export function patchTsMls(root) {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const pinned = lock.packages?.["node_modules/ts-mls"];
  if (pinned?.version !== VERSION || pinned?.integrity !== INTEGRITY)
    throw new Error(`package-lock.json does not pin ts-mls ${VERSION} with the integrity hash we reviewed`);

  const folder = join(root, "node_modules", "ts-mls");
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (version !== VERSION) throw new Error(`ts-mls ${version} is installed, not ${VERSION}`);

  const path = join(folder, FILE);
  const source = readFileSync(path, "utf8");
  const hash = sha256(source);
  if (hash === PATCHED_SHA256) return "already patched";
  if (hash !== PUBLISHED_SHA256)
    throw new Error(`ts-mls ${FILE} is not the published file (SHA-256 ${hash}); npm ci installs it anew`);

  const patched = source.replace(PUBLISHED_RULE, CORRECT_RULE);
  if (sha256(patched) !== PATCHED_SHA256)
    throw new Error(`patching ts-mls ${FILE} gave an unexpected result`);
  // A rename can't leave half a file behind.
  writeFileSync(`${path}.new`, patched);
  renameSync(`${path}.new`, path);
  return "patched";
}

/**
 * The published text of a patched file, to show in a test what the patch is for.
 * @param {string} patched
 */
export function unpatched(patched) {
  return patched.replace(CORRECT_RULE, PUBLISHED_RULE);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const outcome = patchTsMls(join(dirname(fileURLToPath(import.meta.url)), ".."));
    process.stderr.write(`ts-mls ${VERSION}: ${outcome}\n`);
  } catch (error) {
    process.stderr.write(`parley: ${error.message}\n`);
    process.exit(1);
  }
}
