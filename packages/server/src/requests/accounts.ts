import { ProtocolError } from "@parley/protocol";
import type { Handler } from "./call.ts";

/** docs/protocol.md §4.3. */
export const lookUp: Handler<"look-up"> = async ({ name, account }, { services: { store } }) => {
  if ((name === undefined) === (account === undefined)) throw new ProtocolError("malformed", "one of two");
  const found =
    name === undefined ? await store.account(account as Uint8Array) : await store.accountByName(name);
  if (!found) throw new ProtocolError("not-found");
  const { nameOpening, chain } = found;
  return { answer: { kind: "account", account: found.account, name: found.name, nameOpening, chain } };
};
