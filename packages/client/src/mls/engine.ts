import type { ClientState } from "ts-mls";
import { createGroup, emptyPskIndex, joinGroup, joinGroupExternal } from "ts-mls";
import { exportGroupInfo } from "./drafting.ts";
import type {
  AuthenticationService,
  Group,
  GroupRequest,
  JoinRequest,
  MlsEngine,
  RejoinDraft,
  RejoinRequest,
} from "./engine-types.ts";
import { epochFrom, epochRecords, restoreState } from "./epoch-records.ts";
import { MlsError } from "./errors.ts";
import { atBorder } from "./faults.ts";
import { groupOf, makeStep } from "./group.ts";
import { atRest, membersOf, rosterOf, suiteOf } from "./group-state.ts";
import {
  decodeSecrets,
  generateKeyPackage,
  inspectKeyPackage,
  keyPackageSuite,
  makeKeyPackage,
} from "./key-packages.ts";
import { LeafGuard } from "./leaf-guard.ts";
import type { Outcome, Surroundings } from "./operation.ts";
import { decodePendingCommit, encodePendingCommit } from "./pending.ts";
import { clientConfig, equalBytes, policyExtensions, policyOf } from "./profile.ts";
import type { MlsCrypto } from "./suites.ts";
import {
  decodeGroupInfoMessage,
  decodeKeyPackageMessage,
  decodeTree,
  decodeWelcome,
  encodeMessage,
  encodeTree,
} from "./wire.ts";

/**
 * Makes the engine. `nowMs` tells the time in milliseconds since 1970, for key package lifetimes; ts-mls looks at
 * the system's clock besides, when a key package is added.
 */
export function createMlsEngine(options: {
  readonly crypto: MlsCrypto;
  readonly authenticationService: AuthenticationService;
  readonly nowMs: () => number;
}): MlsEngine {
  const surroundings: Surroundings = options;
  const begin = (outcome: Outcome<undefined>) => makeStep(surroundings, outcome, () => undefined);
  return {
    generateKeyPackage: (request) => generateKeyPackage(surroundings, request),
    decodeKeyPackage: (keyPackage) => inspectKeyPackage(surroundings.crypto, keyPackage),
    create: async (request) => begin(await create(surroundings, request)),
    join: async (request) => begin(await join(surroundings, request)),
    rejoin: (request) => rejoin(surroundings, request),
    admit: async (pending) => begin(await admit(surroundings, pending)),
    restore: async (records): Promise<Group> =>
      groupOf(surroundings, await restoreState(surroundings.crypto, records)),
  };
}

/** A group that begins here: its records replace whatever was stored under it. */
function beginning(state: ClientState, spent: readonly Uint8Array[]): Outcome<undefined> {
  const current = atRest(state);
  return {
    result: undefined,
    state: { kind: "active", suite: suiteOf(current.groupContext), current, past: [] },
    changes: [{ kind: "clear", prefix: "" }, ...epochRecords(current, [])],
    spent,
  };
}

async function create(surroundings: Surroundings, request: GroupRequest): Promise<Outcome<undefined>> {
  const { groupId, suite, identityFor, policy } = request;
  const { keyPackage, secrets } = await makeKeyPackage(surroundings, { suite, identityFor });
  const config = clientConfig(new LeafGuard(surroundings.authenticationService, "present"));
  const state = await atBorder("own", undefined, () =>
    createGroup(
      groupId.slice(),
      keyPackage,
      secrets,
      policyExtensions(policy?.slice()),
      surroundings.crypto(suite),
      config,
    ),
  );
  return beginning(state, [secrets.initPrivateKey]);
}

async function join(surroundings: Surroundings, request: JoinRequest): Promise<Outcome<undefined>> {
  const welcome = decodeWelcome(request.welcome);
  const keyPackage = decodeKeyPackageMessage(request.keyPackage);
  const suite = keyPackageSuite(keyPackage);
  if (welcome.cipherSuite !== keyPackage.cipherSuite)
    throw new MlsError("invalid", "a Welcome of another suite");
  const secrets = decodeSecrets(request.secret, suite);
  const tree = request.ratchetTree === undefined ? undefined : decodeTree(request.ratchetTree);
  const guard = new LeafGuard(surroundings.authenticationService, "present");
  const state = await atBorder("foreign", guard, () =>
    joinGroup(
      welcome,
      keyPackage,
      secrets,
      emptyPskIndex,
      surroundings.crypto(suite),
      tree,
      undefined,
      clientConfig(guard),
    ),
  );
  return beginning(state, [secrets.initPrivateKey]);
}

async function rejoin(surroundings: Surroundings, request: RejoinRequest): Promise<RejoinDraft> {
  const groupInfo = decodeGroupInfoMessage(request.groupInfo);
  const { groupContext } = groupInfo;
  const suite = suiteOf(groupContext);
  policyOf(groupContext.extensions);
  const tree = decodeTree(request.ratchetTree);
  const roster = rosterOf(tree);
  const formerLeaf = request.formerLeaf(membersOf(roster));
  const former = formerLeaf === undefined ? undefined : roster.get(formerLeaf);
  if (formerLeaf !== undefined && former === undefined)
    throw new MlsError("invalid", `no member at leaf ${formerLeaf}`);
  if (former !== undefined && roster.size === 1)
    throw new MlsError("invalid", "the last member can't replace itself: come in beside it, then remove it");

  const { keyPackage, secrets } = await makeKeyPackage(surroundings, {
    suite,
    identityFor: request.identityFor,
  });
  const guard = new LeafGuard(surroundings.authenticationService, "present");
  const config = clientConfig(
    guard,
    (_, leafKey) => former !== undefined && equalBytes(former.signatureKey, leafKey),
  );
  const implementation = surroundings.crypto(suite);
  const made = await atBorder("foreign", guard, () =>
    joinGroupExternal(
      groupInfo,
      keyPackage,
      secrets,
      former !== undefined,
      implementation,
      tree,
      config,
      request.authenticatedData ?? new Uint8Array(0),
    ),
  );
  const after = atRest(made.newState);
  const { groupId, epoch } = groupContext;
  const { publicMessage } = made;
  return {
    commit: encodeMessage({ version: "mls10", wireformat: "mls_public_message", publicMessage }),
    groupId,
    epoch,
    leafIndex: after.privatePath.leafIndex,
    ratchetTree: encodeTree(after.ratchetTree),
    groupInfo: await exportGroupInfo(after, implementation),
    pending: encodePendingCommit({ kind: "rejoin", groupId, epoch, changes: epochRecords(after, []) }),
  };
}

async function admit(surroundings: Surroundings, bytes: Uint8Array): Promise<Outcome<undefined>> {
  const { changes } = decodePendingCommit(bytes, "rejoin");
  return beginning(await epochFrom(surroundings.crypto, changes, []), []);
}
