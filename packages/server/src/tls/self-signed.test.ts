import { X509Certificate } from "node:crypto";
import { expect, it } from "vitest";
import { issueSelfSigned } from "./self-signed.ts";

it("makes a certificate that OpenSSL reads: names, dates, key, and a signature that holds", () => {
  const notBeforeMs = Date.UTC(2026, 0, 2, 3, 4, 5);
  const { certificatePem } = issueSelfSigned({
    commonName: "Parley relay",
    hostNames: ["chat.example.org", "127.0.0.1", "[::1]", "2001:db8::7"],
    notBeforeMs,
    notAfterMs: Date.UTC(2050, 0, 1),
  });
  const certificate = new X509Certificate(certificatePem);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.subject).toBe("CN=Parley relay");
  expect(certificate.checkHost("chat.example.org")).toBe("chat.example.org");
  expect(["127.0.0.1", "::1", "2001:db8::7"].every((address) => certificate.checkIP(address))).toBe(true);
  expect(certificate.checkIP("2001:db8::8")).toBeUndefined();
  expect(certificate.validFromDate.getTime()).toBe(notBeforeMs);
  expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
  expect(certificate.checkHost("example.org")).toBeUndefined();
});
