import type { DeviceAddress } from "@parley/protocol";
import { ProtocolError } from "@parley/protocol";
import type { Handler } from "./call.ts";

/** docs/protocol.md §4.4. */
export const putKeyPackages: Handler<"put-key-packages"> = async (request, { services, session }) => {
  const { packages, lastResort } = request;
  const put = { device: session.device, packages, nowMs: services.clock.nowMs() };
  const stock = await services.store.putKeyPackages(lastResort ? { ...put, lastResort } : put);
  return { answer: { kind: "stock", stock } };
};

/** docs/protocol.md §4.5. */
export const claimKeyPackages: Handler<"claim-key-packages"> = async ({ account }, { services }) => {
  const devices = await services.accounts.liveDevices(account);
  if (!devices) throw new ProtocolError("not-found");
  const nowMs = services.clock.nowMs();
  const packages: { device: DeviceAddress; keyPackage: Uint8Array }[] = [];
  const unreachable: DeviceAddress[] = [];
  for (const device of devices) {
    const taken = await services.store.takeKeyPackage(device, nowMs);
    if (taken) packages.push({ device, keyPackage: taken.keyPackage });
    else unreachable.push(device);
  }
  return { answer: { kind: "key-packages", packages, unreachable } };
};
