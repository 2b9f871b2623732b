import { ChatError } from "@parley/client";
import type { Json } from "@parley/client/node";
import type { Relay } from "@parley/server";
import { tell } from "./failure.ts";
import { asNumber, asObject, asOptional, asText } from "./json-shape.ts";

/** What the operator asks of a relay that runs, as it goes over the local socket. */
export type AdminRequest =
  | { readonly ask: "users" | "invites" | "storage" | "sessions" | "end-repair" }
  | { readonly ask: "user" | "devices" | "disable" | "enable"; readonly name: string }
  | {
      readonly ask: "quota";
      readonly name: string;
      readonly roomBytes?: number | undefined;
      readonly inboxBytes?: number | undefined;
    }
  | { readonly ask: "revoke-invite"; readonly id: string }
  | { readonly ask: "end-session"; readonly session: number };

/** Carries out a request and yields what there is to show, row by row. Throws ChatError `refused`, in the relay's words. */
export async function* adminRows(relay: Relay, params: Json): AsyncIterable<Json> {
  try {
    for await (const row of rowsOf(relay, params)) yield JSON.parse(JSON.stringify(row)) as Json;
  } catch (error) {
    if (error instanceof ChatError) throw error;
    throw new ChatError("refused", tell(error).text);
  }
}

async function* rowsOf({ admin }: Relay, params: Json): AsyncIterable<object> {
  const { ask, name, id, session, roomBytes, inboxBytes } = asObject(params);
  switch (asText(ask)) {
    case "users":
      return yield* admin.users();
    case "user":
      return yield await admin.user(asText(name));
    case "devices":
      return yield* await admin.devices(asText(name));
    case "invites":
      return yield* admin.invites();
    case "revoke-invite":
      return await admin.revokeInvite(asText(id));
    case "disable":
      return yield await admin.disable(asText(name));
    case "enable":
      return yield await admin.enable(asText(name));
    case "quota": {
      const quota = {
        roomBytes: asOptional(roomBytes, asNumber),
        inboxBytes: asOptional(inboxBytes, asNumber),
      };
      return yield await admin.setQuota(asText(name), quota);
    }
    case "storage":
      return yield await admin.storage();
    case "end-repair":
      return await admin.endRepair();
    case "sessions":
      return yield* await admin.sessions();
    case "end-session":
      return admin.endSession(asNumber(session));
    default:
      throw new ChatError("refused", "The running relay does not know that");
  }
}
