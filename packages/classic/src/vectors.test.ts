import { describe, expect, test } from "vitest";
import { primeInsideMpi } from "./group.ts";
import { decodeHello, encodeHello } from "./key-exchange.ts";
import { modPow, packNumber, toBytes, unpackNumber } from "./numbers.ts";
import type { CutMessage } from "./packet-cutter.ts";
import { PacketCutter } from "./packet-cutter.ts";
import { PacketSealer, packetImage } from "./packet-sealer.ts";
import { SessionKey } from "./session-key.ts";
import {
  originalDecrypt,
  originalEncrypt,
  originalHello,
  originalPackage,
  originalSharedKey,
  originalUnpack,
} from "./testing/original-message.ts";
import { hexBytes, hexNumber, vectorFile, vectorsOf } from "./testing/vectors.ts";

const NO_MARK = new Uint8Array(16);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** What our reader makes of a stream that holds just these bytes. */
function read(key: Uint8Array, stream: Uint8Array): string[] {
  const cutter = new PacketCutter({ key: new SessionKey(key), peerMark: NO_MARK });
  const messages: (CutMessage | undefined)[] = [...cutter.push(stream), cutter.flush()];
  return messages.flatMap((message) => (message === undefined ? [] : [message.text]));
}

const errorType = (error: unknown) => (error as { type: string } | null)?.type;

test("no kind of vector is left out", () => {
  expect(Object.keys(vectorFile.kinds).sort()).toEqual(
    [
      "decrypt",
      "dh_message",
      "dh_unpack",
      "encrypt",
      "package",
      "params",
      "private_key",
      "shared_key",
      "transcript",
    ].sort(),
  );
});

describe("numbers", () => {
  test.each(vectorsOf("package"))("$name", (vector) => {
    const value = hexNumber(vector["integer_hex"]);
    const length = Number(vector["length"]);
    if (vector["error"] === null) {
      expect(hex(packNumber(value, length))).toBe(vector["bytes_hex"]);
      expect(hex(originalPackage(value, length))).toBe(vector["bytes_hex"]);
      expect(unpackNumber(hexBytes(vector["bytes_hex"]))).toBe(value);
    } else {
      expect(() => packNumber(value, length)).toThrow(expect.objectContaining({ code: "number-too-long" }));
      expect(() => originalPackage(value, length)).toThrow(expect.objectContaining({ name: "InvalidDH" }));
    }
  });
});

describe("parameters", () => {
  test.each(vectorsOf("params"))("$name: the prime is found inside the number on the wire", (vector) => {
    const onWire = hexNumber(vector["wire_p_hex"]);
    expect(unpackNumber(hexBytes(vector["m2crypto_p_mpi_hex"]))).toBe(onWire);
    expect(primeInsideMpi(onWire)).toBe(hexNumber(vector["true_prime_hex"]));
    expect(primeInsideMpi(hexNumber(vector["true_prime_hex"]))).toBeUndefined();
  });

  test.each(vectorsOf("private_key"))(
    "$name: a private key of 16384 bits is a number like any other",
    (vector) => {
      const privateKey = hexNumber(vector["private_hex"]);
      expect(privateKey.toString(2).length).toBe(vector["bits"]);
      const hello = vectorsOf("dh_message").find(({ name }) => name === "dh-message-real-1");
      expect(modPow(hexNumber(hello?.["g_hex"]), privateKey, hexNumber(hello?.["p_hex"]))).toBe(
        hexNumber(hello?.["pk_hex"]),
      );
    },
  );
});

describe("HELLO", () => {
  test.each(vectorsOf("dh_message"))("$name", (vector) => {
    const [p, g, publicKey] = ["p_hex", "g_hex", "pk_hex"].map((field) => hexNumber(vector[field])) as [
      bigint,
      bigint,
      bigint,
    ];
    expect(hex(encodeHello({ p, g, publicKey }))).toBe(vector["bytes_hex"]);
    expect(decodeHello(hexBytes(vector["bytes_hex"]))).toEqual({ p, g, publicKey });
    expect(hex(originalHello(p, g, publicKey))).toBe(vector["bytes_hex"]);
  });

  test.each(vectorsOf("dh_unpack"))(
    "$name: the stand-in for the original misreads it as the original does",
    (vector) => {
      const unpack = () => originalUnpack(hexBytes(vector["bytes_hex"]));
      if (vector["error"] === null) {
        expect(unpack()).toEqual({
          p: hexNumber(vector["p_hex"]),
          g: hexNumber(vector["g_hex"]),
          publicKey: hexNumber(vector["pk_hex"]),
        });
      } else {
        expect(unpack).toThrow(expect.objectContaining({ name: errorType(vector["error"]) }));
      }
    },
  );
});

describe("session key", () => {
  test.each(vectorsOf("shared_key"))("$name", (vector) => {
    const [publicKey, privateKey, p] = ["public_hex", "private_hex", "p_hex"].map((field) =>
      hexNumber(vector[field]),
    ) as [bigint, bigint, bigint];
    const secret = modPow(publicKey, privateKey, p);
    expect(secret).toBe(hexNumber(vector["secret_hex"]));
    expect(toBytes(secret)).toHaveLength(Number(vector["hashed_bytes"]));
    expect(SessionKey.fromSecret(secret).exposeHex()).toBe(vector["key_hex"]);
    expect(hex(originalSharedKey(publicKey, privateKey, p))).toBe(vector["key_hex"]);
  });
});

describe("encryption", () => {
  test.each(vectorsOf("encrypt"))("$name", (vector) => {
    const key = hexBytes(vector["key_hex"]);
    const iv = hexBytes(vector["iv_hex"]);
    const text = String(vector["plaintext"]);
    const ours = new PacketSealer(new SessionKey(key), iv).seal([packetImage(text, "blanks")]);
    if (vector["error"] === null) {
      expect(hex(ours)).toBe(vector["packet_hex"]);
      expect(hex(originalEncrypt(key, text, iv))).toBe(vector["packet_hex"]);
    } else {
      // What the original cannot send, ours pads by bytes; the original reads it.
      expect(originalDecrypt(key, ours)).toBe(text);
      expect(() => originalEncrypt(key, text, iv)).toThrow(
        expect.objectContaining({ name: errorType(vector["error"]) }),
      );
    }
  });
});

describe("decryption", () => {
  // Where one read is not one packet, our reader does better than the original on purpose.
  const ours: Readonly<Record<string, readonly string[] | "malformed">> = {
    "dec-empty": [],
    "dec-iv-only": [],
    "dec-coalesced-two": ["hello", "second"],
    "dec-1040-last-16": [],
    "dec-15": "malformed",
    "dec-not-multiple": "malformed",
    "dec-truncated-in-block": "malformed",
    "dec-not-utf8": "malformed",
    "dec-utf8-cut": "malformed",
    "dec-wrong-key": "malformed",
  };

  test.each(vectorsOf("decrypt"))("$name", (vector) => {
    const key = hexBytes(vector["key_hex"]);
    const packet = hexBytes(vector["packet_hex"]);
    if (vector["error"] === null) expect(originalDecrypt(key, packet)).toBe(vector["plaintext"]);
    else expect(() => originalDecrypt(key, packet)).toThrow();

    const expected = ours[vector.name] ?? [String(vector["plaintext"])];
    if (expected === "malformed") {
      expect(() => read(key, packet)).toThrow(expect.objectContaining({ code: "malformed-stream" }));
    } else {
      expect(read(key, packet)).toEqual(expected);
    }
  });
});

describe("transcript", () => {
  const [transcript] = vectorsOf("transcript");
  const params = vectorsOf("params").find(({ name }) => name === "dh-params-group14");
  const p = hexNumber(params?.["wire_p_hex"]);
  const g = BigInt(Number(params?.["wire_g"]));
  const serverPrivate = hexNumber(transcript?.["server_private_hex"]);
  const clientPrivate = hexNumber(transcript?.["client_private_hex"]);
  const key = hexBytes(transcript?.["shared_key_hex"]);

  test("the key exchange of two original ends comes out byte for byte", () => {
    const publicKey = modPow(g, serverPrivate, p);
    expect(hex(encodeHello({ p, g, publicKey }))).toBe(transcript?.["server_hello_hex"]);
    const answer = modPow(g, clientPrivate, p);
    expect(hex(packNumber(answer, 1024))).toBe(transcript?.["client_answer_hex"]);
    expect(SessionKey.fromSecret(modPow(answer, serverPrivate, p)).exposeHex()).toBe(hex(key));
    expect(SessionKey.fromSecret(modPow(publicKey, clientPrivate, p)).exposeHex()).toBe(hex(key));
  });

  test.each(["server_msg_1", "client_msg_1", "server_msg_2"])(
    "%s is read, and written byte for byte",
    (name) => {
      const message = transcript?.[name] as Record<string, string>;
      const packet = hexBytes(message["packet_hex"]);
      const sealer = new PacketSealer(new SessionKey(key), hexBytes(message["iv_hex"]));
      expect(hex(sealer.seal([packetImage(String(message["text"]), "blanks")]))).toBe(message["packet_hex"]);
      expect(read(key, packet)).toEqual([message["text"]]);
    },
  );
});
