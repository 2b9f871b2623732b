/**
 * Transparency logs after C2SP (https://c2sp.org) and RFC 6962, pure: storage, network and clock are handed in.
 *
 * Documents (notes, checkpoints, proofs, policies, tiles) are `Uint8Array`; keys are their one-line texts. Sizes and
 * indices are numbers up to 2^53 - 1, times POSIX seconds. Parsers accept exactly what the formatters print and throw
 * {@link TlogError}. SHA-256 is synchronous; Ed25519 is handed in and defaults to WebCrypto.
 */

// tlog-checkpoint
export type { Checkpoint, OpenedCheckpoint } from "./checkpoint.ts";
export { formatCheckpoint, openCheckpoint, parseCheckpoint, signCheckpoint } from "./checkpoint.ts";
// tlog-cosignature
export type { Cosigner } from "./cosignature.ts";
export { cosignatureMessage, cosignatureTimeSeconds, cosignatureVerifier, cosigner } from "./cosignature.ts";
export type { Ed25519 } from "./ed25519.ts";
export { webCryptoEd25519 } from "./ed25519.ts";
export type { TlogErrorCode, TlogErrorFields } from "./errors.ts";
export { TlogError } from "./errors.ts";
// Evidence of a fork
export type { Fork, ForkEvidence } from "./fork-evidence.ts";
export {
  buildForkEvidence,
  formatForkEvidence,
  parseForkEvidence,
  verifyForkEvidence,
} from "./fork-evidence.ts";

// RFC 6962, RFC 9162
export type { ConsistencyClaim, HashReader, InclusionClaim, NodeId } from "./merkle.ts";
export {
  coveringNodes,
  emptyRoot,
  foldRoot,
  hashLeaf,
  hashNode,
  MAX_PROOF_HASHES,
  proveConsistency,
  proveInclusion,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
} from "./merkle.ts";
export { CompactTree, MerkleTree } from "./merkle-tree.ts";
// signed-note
export type { NoteKeyPair, NoteSigner, NoteVerifier, VerifierKey } from "./note-key.ts";
export {
  formatVerifierKey,
  generateKey,
  isKeyName,
  keyId,
  noteSigner,
  noteVerifier,
  parseVerifierKey,
  SecretKeyText,
  SIGNATURE_TYPE_COSIGNATURE,
  SIGNATURE_TYPE_ED25519,
} from "./note-key.ts";
export type { Policy, PolicyLog, PolicyVerdict } from "./policy.ts";
export {
  evaluatePolicy,
  MAX_CLOCK_SKEW_SECONDS,
  MAX_POLICY_BYTES,
  MAX_POLICY_NAMES,
  parsePolicy,
} from "./policy.ts";
// tlog-proof
export type { TlogProof } from "./proof.ts";
export { formatTlogProof, MAX_TLOG_PROOF_BYTES, parseTlogProof, verifyTlogProof } from "./proof.ts";
// tlog-policy
export type { NoQuorum, PolicyGroup, PolicyWitness, QuorumRule, QuorumStrength } from "./quorum.ts";
export { isQuorumMet, measureQuorum, requireMajority } from "./quorum.ts";
export type { Note, NoteSignature, VerifiedNote, VerifiedSignature } from "./signed-note.ts";
export {
  formatNote,
  formatSignatureLines,
  MAX_NOTE_BYTES,
  MAX_NOTE_SIGNATURES,
  openNote,
  parseNote,
  parseSignatureLines,
  signNote,
  verifyNote,
} from "./signed-note.ts";
export type { FetchTile, TileReaderOptions } from "./tile-reader.ts";
export { TileReader } from "./tile-reader.ts";
// tlog-tiles
export type { EntryBundle, NodeLocation, Tile } from "./tiles.ts";
export {
  decodeEntryBundle,
  encodeEntryBundle,
  formatTilePath,
  hashInTile,
  locateNode,
  MAX_ENTRY_BYTES,
  newTiles,
  openEntryBundle,
  parseTilePath,
  readTile,
  TILE_WIDTH,
} from "./tiles.ts";
// tlog-witness
export type { Witness, WitnessResponse, WitnessState, WitnessStore } from "./witness.ts";
export { isSameWitnessState, processAddCheckpoint } from "./witness.ts";
export type { AddCheckpointRequest, AddCheckpointResult } from "./witness-message.ts";
export {
  attachCosignatures,
  formatAddCheckpointRequest,
  parseAddCheckpointRequest,
  parseAddCheckpointResponse,
  witnessCheckpointPath,
} from "./witness-message.ts";
