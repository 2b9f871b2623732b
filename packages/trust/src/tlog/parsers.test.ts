import { describe } from "vitest";
import { testParsers } from "./parser-fuzz.ts";

describe("11,000 inputs", () => testParsers(11_000));
