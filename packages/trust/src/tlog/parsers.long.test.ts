import { describe } from "vitest";
import { testParsers } from "./parser-fuzz.ts";

describe("a million inputs", () => testParsers(1_000_000));
