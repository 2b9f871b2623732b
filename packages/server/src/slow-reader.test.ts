import { describe, expect, it } from "vitest";
import { addressOf, transportOf } from "./testing/raw-client.ts";
import { startTestRelay } from "./testing/relay-fixture.ts";
import { commitRequest, createRoomWith, entriesOf, randomId, resume, say } from "./testing/room-requests.ts";

const MESSAGE = "x".repeat(60 * 1024);
const BOUNDLESS = { burst: 1e9, perSecond: 1e9 };

describe("a reader that does not read", () => {
  it("costs the others nothing and the relay little, is told that it lags, and catches up", async () => {
    const outboxBytes = 1024 * 1024;
    const limits = { outboxBytes, requestsPerDevice: BOUNDLESS, requestsPerAddress: BOUNDLESS };
    await using relay = await startTestRelay({ limits });
    const [ana, bo, cy] = [await relay.member("ana"), await relay.member("bo"), await relay.member("cy")];
    const room = await createRoomWith(ana.client, [addressOf(bo.account), addressOf(cy.account)]);
    for (const { client } of [ana, bo, cy]) await resume(client, [room], { after: 1 });
    transportOf(bo.client.socket).pause();

    // More than the kernel's buffers and the queue hold together.
    const count = 600;
    for (let sent = 0; sent < count; sent += 20) {
      await Promise.all(Array.from({ length: 20 }, () => say(ana.client, { room, text: MESSAGE, epoch: 1 })));
    }
    await cy.client.until(() => cy.client.deliveries.length >= count + 1);
    expect(cy.client.deliveries.some(({ kind }) => kind === "lagging")).toBe(false);
    const metrics = await (await fetch(`http://127.0.0.1:${relay.relay.address.port}/metrics`)).text();
    expect(metrics).toContain("parley_lagging_total 1");

    transportOf(bo.client.socket).resume();
    await bo.client.until(() => bo.client.deliveries.some(({ kind }) => kind === "lagging"));
    await bo.client.request({ kind: "ping" }, "done");
    const got = entriesOf(bo.client).length;
    expect(got).toBeLessThan(count);
    expect(bo.client.deliveries.at(-1)?.kind).toBe("lagging");

    await resume(bo.client, [room], { after: got + 1 });
    await bo.client.until(() => bo.client.deliveries.findLast(({ kind }) => kind === "live"));
    await say(ana.client, { room, text: "the last", epoch: 1 });
    await bo.client.until(() => entriesOf(bo.client).length === count + 1);
    expect(entriesOf(bo.client).map(({ seq }) => seq)).toEqual(
      Array.from({ length: count + 1 }, (_, index) => index + 2),
    );
  });

  it("is not read from either, when it asks and asks", async () => {
    const limits = { outboxBytes: 256 * 1024, requestsPerDevice: BOUNDLESS, requestsPerAddress: BOUNDLESS };
    await using relay = await startTestRelay({ limits });
    const { client } = await relay.member("ana");
    const state = new Uint8Array(1024 * 1024);
    const room = randomId();
    await client.request({ kind: "create-room", room }, "done");
    await client.request(commitRequest(room, 0, { groupInfo: state }), "appended");
    transportOf(client.socket).pause();
    const asked = Array.from({ length: 200 }, () =>
      client.request({ kind: "room-state", room, epoch: undefined }, "room-state"),
    );
    const { client: other } = await relay.member("bo");
    for (let time = 0; time < 20; time++) await other.request({ kind: "ping" }, "done");
    const metrics = await (await fetch(`http://127.0.0.1:${relay.relay.address.port}/metrics`)).text();
    const answered = Number(/parley_requests_total\{kind="room-state"\} (\d+)/.exec(metrics)?.[1] ?? 0);
    expect(answered).toBeLessThan(100);
    transportOf(client.socket).resume();
    expect((await Promise.all(asked)).every((answer) => answer.state.length === state.length)).toBe(true);
  });
});
