// `npm start`: the chat on a terminal, the demo without one.
const verb = process.stdin.isTTY && process.stdout.isTTY ? "start" : "demo";
process.argv.splice(2, 0, verb);
await import("../packages/terminal/bin/parley.js");
