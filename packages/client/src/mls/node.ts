/** Primitives for the MLS engine in Node; kept apart from `./index.ts` so that browsers never load node:crypto. */
export { nodeCrypto } from "./node-crypto/index.ts";
