// Checks evidence that a transparency log forked, off line and with Node alone. Exit status 0: it did.
//   node verify-fork-evidence.js FILE VKEY        (VKEY: the log's key as you know it, not as the file says)
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const fail = (why) => process.exit(console.error(`Not proven: ${why}.`) ?? 1);
const base64 = (text) => Buffer.from(text, "base64");
const hashNode = (...pair) => createHash("sha256").update(Buffer.of(1)).update(Buffer.concat(pair)).digest();

const [file, vkey = ""] = process.argv.slice(2);
const [head, textA, signaturesA, textB, signaturesB] = readFileSync(file, "utf8").split("\n\n");
const [header, log, root = "", ...lines] = head.split("\n");
if (header !== "tlog-fork-evidence@v1" || log !== `log ${vkey}`) fail("no evidence about this key");
const [oldRoot, ...proof] = [root.replace(/^root /, ""), ...lines].map(base64);
if ([oldRoot, ...proof].some((hash) => hash.length !== 32)) fail("a hash has the wrong length");

const [, name, id, x] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(vkey) ?? fail("not a verifier key");
const jwk = { kty: "OKP", crv: "Ed25519", x: base64(x).subarray(1).toString("base64url") };
const key = createPublicKey({ key: jwk, format: "jwk" });
function open(text, signatures) {
  const own = signatures.split("\n").filter((line) => line.startsWith(`— ${name} `));
  const known = own.map((line) => base64(line.split(" ")[2])).filter((s) => s.toString("hex", 0, 4) === id);
  const isSigned = known.some((s) => verify(null, Buffer.from(`${text}\n`), key, s.subarray(4)));
  const [origin, size, hash] = isSigned ? text.split("\n") : fail("the log did not sign a checkpoint");
  return { origin, size: Number(size), root: base64(hash) };
}
// The roots of the first `m` and of all `n` leaves that the consistency proof leads to (RFC 6962 §2.1.2).
function roots(m, n, old) {
  const next = () => proof.shift() ?? fail("the proof is too short");
  if (m === n) return Array(2).fill(old ?? next());
  const k = 2 ** ((n - 1).toString(2).length - 1);
  const [a, b, sibling] = [...(m <= k ? roots(m, k, old) : roots(m - k, n - k)), next()];
  return m <= k ? [a, hashNode(b, sibling)] : [hashNode(sibling, a), hashNode(sibling, b)];
}
const [a, b] = [open(textA, signaturesA), open(textB, signaturesB)];
if (a.origin !== b.origin || !(a.size > 0 && a.size <= b.size)) fail("two logs, or the wrong order");
if (roots(a.size, b.size, oldRoot).some((hash, i) => !hash.equals([oldRoot, b.root][i])) || proof[0])
  fail("the consistency proof is wrong");
console.log(oldRoot.equals(a.root) ? fail("the checkpoints agree") : `Forked at size ${a.size}: ${a.origin}`);
