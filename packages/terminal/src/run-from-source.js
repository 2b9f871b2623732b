// Development only: the program from its sources.
import "./translate-jsx.js";

await import("./main.ts");
