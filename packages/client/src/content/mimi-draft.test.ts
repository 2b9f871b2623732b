import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { DISPOSITION, decodeMimiContent, encodeMimiContent } from "./mimi-content.ts";

interface Vectors {
  readonly valid: readonly { readonly name: string; readonly hex: string }[];
}
const vectors: Vectors = JSON.parse(
  readFileSync(new URL("../../../../vectors/content/mimi-content-08.json", import.meta.url), "utf8"),
);
const ORIGINAL = "017ce54837404c3696e0c747b985cb172716d0ed0a3d249ca63ace7d82a096f4";

function example(name: string) {
  const found = vectors.valid.find((vector) => vector.name === name);
  if (!found) throw new Error(`no example ${name}`);
  return decodeMimiContent(Uint8Array.fromHex(found.hex));
}

test.each(vectors.valid)("draft-ietf-mimi-content-08, example $name: the same bytes again", ({ hex }) => {
  expect(encodeMimiContent(decodeMimiContent(Uint8Array.fromHex(hex))).toHex()).toBe(hex);
});

test("the draft's first message", () => {
  const { salt, extensions, part, ...rest } = example("original");
  expect(salt.toHex()).toBe("5eed9406c2545547ab6f09f20a18b003");
  expect(rest).toEqual({ replaces: null, topicId: new Uint8Array(0), expires: null, inReplyTo: null });
  expect([...extensions]).toEqual([
    [1, "mimi://example.com/u/alice-smith"],
    [2, "mimi://example.com/r/engineering_team"],
  ]);
  expect(part).toMatchObject({ disposition: DISPOSITION.render, language: "" });
  expect(part.body).toEqual({
    kind: "single",
    contentType: "text/markdown;variant=GFM-MIMI",
    content: new TextEncoder().encode("Hi everyone, we just shipped release 2.0. __Good  work__!"),
  });
});

test("the draft's replies, edits, deletions and expiries name what they are about", () => {
  expect(example("reply").inReplyTo?.toHex()).toBe(ORIGINAL);
  expect(example("reaction")).toMatchObject({ part: { disposition: DISPOSITION.reaction } });
  expect(example("edit").replaces).not.toBeNull();
  expect(example("delete").part.body).toEqual({ kind: "null" });
  expect(example("expiring").expires).toEqual({ relative: false, timeS: 1_644_390_004 });
  expect(example("conferencing").topicId).toEqual(new TextEncoder().encode("Foo 118"));
});

test("the draft's attachment and its parts within parts", () => {
  const { part } = example("attachment");
  expect(part).toMatchObject({ disposition: DISPOSITION.attachment, language: "en" });
  expect(part.body).toMatchObject({ kind: "external", contentType: "video/mp4" });
  const [url, expires, size] = part.body.kind === "external" ? part.body.fields : [];
  expect([url, expires, size]).toEqual(["https://example.com/storage/8ksB4bSrrRE.mp4", 0, 708_234_961]);
  const { body } = example("multipart-3").part;
  expect(body).toMatchObject({
    kind: "multi",
    semantics: 0,
    parts: [{ body: { kind: "multi", semantics: 2 } }, {}],
  });
});
