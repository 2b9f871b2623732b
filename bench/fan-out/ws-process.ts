// The peer: the loop that everybody writes first. Nothing is kept, nobody is known.
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
server.on("connection", (socket) => {
  socket.on("message", (data) => {
    for (const client of server.clients) if (client.readyState === WebSocket.OPEN) client.send(data);
  });
});
server.on("listening", () => console.log(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
