import { expect, it } from "vitest";
import { addressKey, isLoopback } from "./address-key.ts";

it("counts an IPv6 address as its /64 and an IPv4 address as itself", () => {
  expect(addressKey("192.0.2.7")).toBe("192.0.2.7");
  expect(addressKey("::ffff:192.0.2.7")).toBe("192.0.2.7");
  expect(addressKey("2001:db8:0:1:aaaa::1")).toBe("2001:db8:0:1::/64");
  expect(addressKey("2001:DB8:0:1:bbbb:2:3:4")).toBe("2001:db8:0:1::/64");
  expect(addressKey("2001:db8::1")).toBe("2001:db8:0:0::/64");
  expect(addressKey("fe80::1%eth0")).toBe("fe80:0:0:0::/64");
  expect(addressKey("::1")).toBe("0:0:0:0::/64");
});

it("knows this machine's own addresses", () => {
  expect(["127.0.0.1", "::1", "::ffff:127.0.0.1", "192.0.2.7", "::2"].map(isLoopback)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});
