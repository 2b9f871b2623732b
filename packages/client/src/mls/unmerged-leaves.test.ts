import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ClientState, KeyPackage, PrivateKeyPackage } from "ts-mls";
import * as patched from "ts-mls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { unpatched } from "../../../../scripts/patch-ts-mls.js";
import { nodeCrypto } from "./node.ts";
import { capabilities, clientConfig, defaultLifetimeFrom } from "./profile.ts";
import { Device, everyoneHears, roomOf, utf8 } from "./test-room.ts";

type Library = typeof patched;

const NODE_MODULES = join(import.meta.dirname, "../../../../node_modules");
const FILE = "dist/src/clientState.js";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "parley-unpatched-"));
  mkdirSync(join(folder, "node_modules"));
  for (const scope of ["@hpke", "@noble"])
    symlinkSync(join(NODE_MODULES, scope), join(folder, "node_modules", scope), "dir");
  cpSync(join(NODE_MODULES, "ts-mls"), join(folder, "node_modules/ts-mls"), { recursive: true });
  const installed = readFileSync(join(NODE_MODULES, "ts-mls", FILE), "utf8");
  expect(unpatched(installed)).not.toBe(installed);
  writeFileSync(join(folder, "node_modules/ts-mls", FILE), unpatched(installed));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Seven members; the fifth renews its keys; an eighth comes; the first renews its keys; a ninth comes. */
async function theNinthJoins(library: Library): Promise<ClientState> {
  const suite = nodeCrypto(1);
  const config = clientConfig({ validateCredential: async () => true });
  const packages: { publicPackage: KeyPackage; privatePackage: PrivateKeyPackage }[] = [];
  for (let i = 0; i < 9; i += 1) {
    const credential = { credentialType: "basic" as const, identity: utf8(`member ${i}`) };
    const lifetime = defaultLifetimeFrom(Date.now());
    packages.push(await library.generateKeyPackage(credential, capabilities(1, false), lifetime, [], suite));
  }
  const [founder] = packages;
  const states: ClientState[] = [
    await library.createGroup(
      utf8("room"),
      founder!.publicPackage,
      founder!.privatePackage,
      [],
      suite,
      config,
    ),
  ];
  const join = async (welcome: Awaited<ReturnType<Library["createCommit"]>>["welcome"], index: number) => {
    const { publicPackage, privatePackage } = packages[index]!;
    const { emptyPskIndex } = library;
    states[index] = await library.joinGroup(
      welcome!,
      publicPackage,
      privatePackage,
      emptyPskIndex,
      suite,
      undefined,
      undefined,
      config,
    );
  };
  const commit = async (committer: number, added: readonly number[]) => {
    const extraProposals = added.map((index) => ({
      proposalType: "add" as const,
      add: { keyPackage: packages[index]!.publicPackage },
    }));
    const made = await library.createCommit(
      { state: states[committer]!, cipherSuite: suite },
      { extraProposals, ratchetTreeExtension: true },
    );
    if (made.commit.wireformat !== "mls_private_message") throw new Error("not encrypted");
    for (const index of states.keys())
      if (index !== committer)
        states[index] = (
          await library.processPrivateMessage(
            states[index]!,
            made.commit.privateMessage,
            library.emptyPskIndex,
            suite,
          )
        ).newState;
    states[committer] = made.newState;
    for (const index of added) await join(made.welcome, index);
  };
  await commit(0, [1, 2, 3, 4, 5, 6]);
  await commit(4, []);
  await commit(0, [7]);
  await commit(0, []);
  await commit(0, [8]);
  return states[8]!;
}

test("the ninth member can join with the patched library", async () => {
  expect((await theNinthJoins(patched)).privatePath.leafIndex).toBe(8);
});

test("the ninth member can't join with the library as published: what the patch is for", async () => {
  const url = pathToFileURL(join(folder, "node_modules/ts-mls/dist/src/index.js")).href;
  const published = (await import(/* @vite-ignore */ url)) as Library;
  await expect(theNinthJoins(published)).rejects.toThrow("must list leaf node in its unmerged_leaves");
});

/** What the library says of a tree in which the node above the first two members names `leaf` as unmerged. */
async function verdictOn(library: string, leaf: number): Promise<string | undefined> {
  const load = (file: string) =>
    import(/* @vite-ignore */ pathToFileURL(join(library, "dist/src", file)).href);
  const { ratchetTree, groupContext } = await theNinthJoins(patched);
  const tree = structuredClone(ratchetTree);
  const node = tree[1];
  if (node?.nodeType !== "parent") throw new Error("nobody has committed there");
  node.parent.unmergedLeaves = [leaf];
  const suite = nodeCrypto(1);
  const { treeHashRoot } = await load("treeHash.js");
  const treeHash: Uint8Array = await treeHashRoot(tree, suite.hash);
  const { validateRatchetTree } = await load("clientState.js");
  const { lifetimeConfig, authService } = clientConfig({ validateCredential: async () => true });
  const error = await validateRatchetTree(tree, groupContext, lifetimeConfig, authService, treeHash, suite);
  return error?.message;
}

test("a leaf that is not below the node that names it as unmerged makes the tree invalid", async () => {
  const refusal = "Unmerged leaf did not represent a non-blank descendant leaf node";
  expect(await verdictOn(join(NODE_MODULES, "ts-mls"), 6)).toBe(refusal);
  expect(await verdictOn(join(folder, "node_modules/ts-mls"), 6)).not.toBe(refusal);
});

test.each([1, 3, 83] as const)("the ninth member can join a room of ours, suite %i", async (suite) => {
  const room = await roomOf(["0", "1", "2", "3", "4", "5", "6"], suite);
  const founder = room[0]!;
  const others = (committer: Device) => room.filter((device) => device !== committer);
  const add = async (name: string) => {
    const device = new Device(name, suite);
    const packed = await device.keyPackage();
    const draft = await founder.commit({ add: [packed.keyPackage] });
    await everyoneHears(others(founder), draft.commit);
    room.push(await device.join(draft, packed));
  };
  await everyoneHears(others(room[4]!), (await room[4]!.commit()).commit);
  await add("7");
  await everyoneHears(others(founder), (await founder.commit()).commit);
  await add("8");
  expect(await room[8]!.read(await founder.say("nine of us"))).toBe("nine of us");
});
