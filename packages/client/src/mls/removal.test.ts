import type { ClientState } from "ts-mls";
import { emptyPskIndex, processPrivateMessage } from "ts-mls";
import { expect, test } from "vitest";
import type { CommitRequest, Suite } from "./engine-types.ts";
import { restoreState } from "./epoch-records.ts";
import { nodeCrypto } from "./node.ts";
import { requireActive } from "./operation.ts";
import { clientConfig } from "./profile.ts";
import { Device, everyoneHears, hex, roomOf } from "./test-room.ts";
import { decodeMessage } from "./wire.ts";

/** Eve keeps a copy of all she knew, and a client of her own that obeys no rule. */
async function lawless(records: ReadonlyMap<string, Uint8Array>): Promise<ClientState> {
  const { current } = requireActive(await restoreState(nodeCrypto, records));
  return { ...current, clientConfig: clientConfig({ validateCredential: async () => true }) };
}

async function force(
  state: ClientState,
  message: Uint8Array,
  suite: Suite,
): Promise<ClientState | undefined> {
  const decoded = decodeMessage(message);
  if (decoded.wireformat !== "mls_private_message") throw new Error("not encrypted");
  try {
    const { privateMessage } = decoded;
    return (await processPrivateMessage(state, privateMessage, emptyPskIndex, nodeCrypto(suite))).newState;
  } catch {
    return undefined;
  }
}

const SUITES = [1, 3, 83] as const;
const WAYS = ["alone", "with a newcomer in her leaf", "by a proposal"] as const;
const CASES = SUITES.flatMap((suite) => WAYS.map((way) => ({ suite, way })));

test.each(CASES)(
  "a removed member can't read what follows (suite $suite, removed $way)",
  async ({ suite, way }) => {
    const [ana, bo, eve] = (await roomOf(["ana", "bo", "eve"], suite)) as [Device, Device, Device];
    await everyoneHears([ana, bo], (await eve.commit()).commit);
    const dan = new Device("dan", suite);
    const packed = await dan.keyPackage();
    const requests: Record<(typeof WAYS)[number], CommitRequest> = {
      alone: { remove: [2] },
      "with a newcomer in her leaf": { remove: [2], add: [packed.keyPackage] },
      "by a proposal": {},
    };
    if (way === "by a proposal") {
      const { message } = bo.take(await bo.group.propose({ kind: "remove", leafIndex: 2 }));
      await everyoneHears([ana, eve], message);
    }
    const known = new Map([...eve.records].map(([key, bytes]) => [key, bytes.slice()]));
    const draft = await ana.commit(requests[way]);
    await bo.hear(draft.commit);

    // An honest client learns that it is out, and forgets.
    expect((await eve.hear(draft.commit)).kind).toBe("removed");
    expect([...eve.records.keys()]).toEqual(["removed"]);

    // A lawless one has no way on: neither the new secrets, nor the message with any keys it has.
    const before = await lawless(known);
    const forced = await force(before, draft.commit, suite);
    const after = await lawless(bo.records);
    for (const state of [before, forced])
      if (state !== undefined) {
        expect(hex(state.keySchedule.exporterSecret)).not.toBe(hex(after.keySchedule.exporterSecret));
        expect(hex(state.keySchedule.senderDataSecret)).not.toBe(hex(after.keySchedule.senderDataSecret));
      }
    const message = await ana.say("without eve");
    const pretending = { groupContext: after.groupContext, ratchetTree: after.ratchetTree };
    for (const state of [before, forced])
      if (state !== undefined)
        expect(
          await force({ ...state, ...pretending, groupActiveState: { kind: "active" } }, message, suite),
        ).toBeUndefined();
    // The same lawless client, given a member's secrets, does read it: the test could fail.
    expect(await force(after, message, suite)).toBeDefined();
    expect(await bo.read(message)).toBe("without eve");
  },
);
