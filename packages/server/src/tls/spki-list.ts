const HASH = /^[0-9a-f]{64}$/;

/**
 * Reads `tls-spki.txt`: SHA-256 of a TLS SubjectPublicKeyInfo in hex, one a line, as
 * `openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | sha256sum` prints it; `#` begins a comment. These are
 * the keys of proxies that end TLS in front of the relay.
 * @returns the hashes and the numbers of lines that are none.
 */
export function parseSpkiList(text: string): { readonly hashes: Uint8Array[]; readonly badLines: number[] } {
  const hashes: Uint8Array[] = [];
  const badLines: number[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const content = (line.split("#", 1)[0] as string)
      .trim()
      .toLowerCase()
      .replace(/\s+-$/, "")
      .replaceAll(":", "");
    if (content === "") continue;
    if (HASH.test(content)) hashes.push(Uint8Array.fromHex(content));
    else badLines.push(index + 1);
  }
  return { hashes, badLines };
}
