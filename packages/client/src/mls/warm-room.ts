import type { CiphersuiteImpl, ClientState, KeyPackage, PrivateKeyPackage, RatchetTree } from "ts-mls";
import { createGroup } from "ts-mls";
import { pathToPathSecrets } from "ts-mls/pathSecrets.js";
import { toPrivateKeyPath } from "ts-mls/privateKeyPath.js";
import { addLeafNode } from "ts-mls/ratchetTree.js";
import { createSecretTree } from "ts-mls/secretTree.js";
import { treeHashRoot } from "ts-mls/treeHash.js";
import { directPath, leafWidth, toLeafIndex, toNodeIndex } from "ts-mls/treemath.js";
import { createUpdatePath } from "ts-mls/updatePath.js";
import type { AuthenticationService, Group, Suite } from "./engine-types.ts";
import { groupOf } from "./group.ts";
import { atRest } from "./group-state.ts";
import { makeKeyPackage } from "./key-packages.ts";
import { nodeCrypto } from "./node.ts";
import type { Surroundings } from "./operation.ts";
import { AT_REST, policyExtensions } from "./profile.ts";

interface Seat {
  readonly keyPackage: KeyPackage;
  readonly secrets: PrivateKeyPackage;
}

/**
 * A large room in which every parent node is filled, as after long use, and the groups of whichever members are
 * asked for. For benches: living through the commits that lead there would take as many states as members. Every
 * second member renews its path once, sealing to nobody, so nobody but these groups could follow.
 */
export async function warmRoom(
  suite: Suite,
  members: number,
  authenticationService: AuthenticationService,
): Promise<(leafIndex: number) => Promise<Group>> {
  const surroundings: Surroundings = { crypto: nodeCrypto, authenticationService, nowMs: () => Date.now() };
  const implementation = nodeCrypto(suite);
  const seats: Seat[] = [];
  for (let i = 0; i < members; i += 1) {
    const identityFor = () => new TextEncoder().encode(`member ${i} ${"of an account, signed ".repeat(5)}`);
    seats.push(await makeKeyPackage(surroundings, { suite, identityFor }));
  }
  const [founder, ...others] = seats;
  if (founder === undefined) throw new RangeError("a room needs a member");
  const groupId = new TextEncoder().encode(`warm room of ${members}`);
  const policy = policyExtensions(new Uint8Array(64));
  const base = await createGroup(
    groupId,
    founder.keyPackage,
    founder.secrets,
    policy,
    implementation,
    AT_REST,
  );
  let tree = base.ratchetTree;
  for (const { keyPackage } of others) tree = addLeafNode(tree, keyPackage.leafNode)[0];

  const warmed = await fillParents(base, tree, seats, implementation);
  const encryptionSecret = implementation.rng.randomBytes(implementation.kdf.size);
  const groupContext = {
    ...base.groupContext,
    epoch: 5n,
    treeHash: await treeHashRoot(warmed.tree, implementation.hash),
  };
  return async (leafIndex) => {
    const seat = seats[leafIndex];
    if (seat === undefined) throw new RangeError(`no member at leaf ${leafIndex}`);
    const nodes = [leafIndex * 2, ...directPath(toNodeIndex(leafIndex * 2), leafWidth(warmed.tree.length))];
    const privateKeys = Object.fromEntries(
      nodes.map((node) => [node, warmed.keys.get(node) ?? new Uint8Array(0)]),
    );
    const current = atRest({
      ...base,
      groupContext,
      ratchetTree: warmed.tree,
      secretTree: await createSecretTree(
        leafWidth(warmed.tree.length),
        encryptionSecret.slice(),
        implementation.kdf,
      ),
      keySchedule: copied(base.keySchedule),
      privatePath: { leafIndex, privateKeys },
      signaturePrivateKey: seat.secrets.signaturePrivateKey.slice(),
    });
    return groupOf(surroundings, { kind: "active", suite, current, past: [] });
  };
}

/** Groups zero what they use up, so each gets secrets of its own. */
function copied(schedule: ClientState["keySchedule"]): ClientState["keySchedule"] {
  return structuredClone(schedule);
}

async function fillParents(
  base: ClientState,
  bare: RatchetTree,
  seats: readonly Seat[],
  implementation: CiphersuiteImpl,
): Promise<{ tree: RatchetTree; keys: Map<number, Uint8Array> }> {
  const sealing = {
    ...implementation,
    hpke: { ...implementation.hpke, seal: async () => ({ ct: new Uint8Array(0), enc: new Uint8Array(0) }) },
  };
  const keys = new Map(seats.map(({ secrets }, index) => [index * 2, secrets.hpkePrivateKey]));
  let tree = bare;
  for (let leafIndex = 0; leafIndex < seats.length; leafIndex += 2) {
    const signer = seats[leafIndex]?.secrets.signaturePrivateKey ?? new Uint8Array(0);
    const made = await createUpdatePath(tree, toLeafIndex(leafIndex), base.groupContext, signer, sealing);
    tree = made[0];
    const path = await toPrivateKeyPath(pathToPathSecrets(made[2]), leafIndex, implementation);
    for (const [node, key] of Object.entries(path.privateKeys)) keys.set(Number(node), key);
    keys.set(leafIndex * 2, await implementation.hpke.exportPrivateKey(made[3]));
  }
  return { tree, keys };
}
