import type { DeviceAddress, Request } from "@parley/protocol";
import { bytesEqual, deviceText, idText, LIMITS } from "@parley/protocol";
import type { Signer } from "@parley/trust";
import { ChatError } from "../chat/chat.ts";
import type { RelayConnection } from "../connection/connection.ts";
import type { Group, KeyPackageInfo, MlsEngine } from "../mls/index.ts";
import { MlsError } from "../mls/index.ts";
import type { AccountDirectory, Contact } from "./account-directory.ts";
import { NotAuthorised } from "./authorization.ts";
import { sealInboxItem } from "./inbox-item.ts";
import { POST_QUANTUM_SUITE } from "./key-package-supply.ts";
import type { Room } from "./room.ts";
import type { CommitPlan } from "./room-commits.ts";

/** Leaves that one commit adds: their Welcome must fit into an inbox item (1.3 kB for each with X-Wing). */
const ADDS_PER_COMMIT = 40;

type InvitedDevices = Extract<Request, { kind: "commit" }>["added"];

/** Who asks, and with what. */
export interface Inviter {
  readonly me: DeviceAddress;
  readonly signer: Signer;
  readonly engine: MlsEngine;
  readonly directory: AccountDirectory;
  /** Throws ChatError `held-back` when the user's policy has this person wait. */
  readonly requireAdmissible: (person: Contact) => Promise<void>;
}

interface ClaimedDevice {
  readonly device: DeviceAddress;
  readonly keyPackage: Uint8Array;
}

/**
 * Adds people to a room: their devices' key packages are claimed, proved against their key chains, and committed; each
 * device gets a signed Welcome. Those already in the room are passed over.
 *
 * @returns the people none of whose devices can be reached.
 */
export async function addPeople(
  inviter: Inviter,
  room: Room,
  people: readonly Contact[],
  connection: RelayConnection,
): Promise<readonly Contact[]> {
  const unreachable: Contact[] = [];
  const claimed: ClaimedDevice[] = [];
  // Named twice, a person is invited once.
  for (const person of new Map(people.map((one) => [idText(one.account), one])).values()) {
    await inviter.requireAdmissible(person);
    const devices = await claim(inviter, person, connection);
    // A key package may have brought a device that is newer than what was asked about.
    await inviter.requireAdmissible(inviter.directory.contact(person.account) ?? person);
    if (devices.length === 0) unreachable.push(person);
    claimed.push(...devices);
  }
  for (let start = 0; start < claimed.length; start += ADDS_PER_COMMIT) {
    const some = claimed.slice(start, start + ADDS_PER_COMMIT);
    await room.commit((group) => planOf(inviter, room, some, group));
  }
  return unreachable;
}

async function claim(
  inviter: Inviter,
  person: Contact,
  connection: RelayConnection,
): Promise<ClaimedDevice[]> {
  const answer = await connection.request(
    { kind: "claim-key-packages", account: person.account },
    "key-packages",
  );
  const usable: ClaimedDevice[] = [];
  for (const { device, keyPackage } of answer.packages) {
    if (!bytesEqual(device.account, person.account)) throw somebodyElses();
    if (await isUsable(inviter, device, keyPackage)) usable.push({ device, keyPackage: keyPackage.slice() });
  }
  return usable;
}

/** A key package that is not the device's own is what a lying relay would hand out: it is never used (trust.md T0). */
async function isUsable(
  { engine, directory }: Inviter,
  device: DeviceAddress,
  keyPackage: Uint8Array,
): Promise<boolean> {
  let info: KeyPackageInfo;
  try {
    info = await engine.decodeKeyPackage(keyPackage);
  } catch (error) {
    if (error instanceof MlsError) return false;
    throw error;
  }
  if (info.suite !== POST_QUANTUM_SUITE) return false;
  try {
    if (deviceText(directory.addressOf(info.identity)) !== deviceText(device)) throw somebodyElses();
    await directory.requireLeaf(info.identity, info.signatureKey, true);
  } catch (error) {
    if (error instanceof NotAuthorised)
      throw new ChatError("refused", `the relay handed out ${error.message}`);
    throw error;
  }
  return true;
}

function somebodyElses(): ChatError {
  return new ChatError("refused", "the relay handed out a key package of somebody else");
}

function planOf(
  inviter: Inviter,
  room: Room,
  claimed: readonly ClaimedDevice[],
  group: Group,
): CommitPlan | undefined {
  const present = new Set(
    group.members().map(({ identity }) => deviceText(inviter.directory.addressOf(identity))),
  );
  const missing = claimed.filter(({ device }) => !present.has(deviceText(device)));
  if (missing.length === 0) return undefined;
  if (present.size + missing.length > LIMITS.postQuantumRoomDevices) {
    throw new ChatError("not-allowed", `a room holds ${LIMITS.postQuantumRoomDevices} devices`);
  }
  return {
    request: { add: missing.map(({ keyPackage }) => keyPackage) },
    invitations: (welcome, epoch) => welcomesFor(inviter, room, missing, { welcome, epoch }),
  };
}

async function welcomesFor(
  { me, signer }: Inviter,
  room: Room,
  devices: readonly ClaimedDevice[],
  { welcome, epoch }: { welcome: Uint8Array; epoch: number },
): Promise<InvitedDevices> {
  const { room: roomId, direct } = room.record;
  const sealed = new Map<string, Uint8Array>();
  const invited: { device: DeviceAddress; item: Uint8Array }[] = [];
  for (const { device } of devices) {
    const account = idText(device.account);
    const item =
      sealed.get(account) ??
      (await sealInboxItem(
        { kind: "welcome", room: roomId, epoch, direct, message: welcome },
        { sender: me, signer, recipient: device.account },
      ));
    sealed.set(account, item);
    invited.push({ device, item });
  }
  return invited;
}
