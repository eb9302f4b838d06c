// Ports for programs that must know their address before they listen: tests and measurements take them from here.
import { createServer } from "node:net";

// Below the range that systems take the ports of outgoing connections from (Linux 32768, macOS 49152 and up): a port from there
// can be gone again between the look and the start, and while a server is started anew. Each process begins elsewhere.
const [FIRST, COUNT] = [20_000, 12_000];
let next = (process.pid * 97) % COUNT;

const isFree = (port) => new Promise((resolve) => {
  const server = createServer();
  server.once("error", () => resolve(false));
  server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
});

/** A port of 127.0.0.1 that nobody listens on, and that this process has not given out before. */
export async function freePort() {
  for (let tries = 0; tries < COUNT; tries += 1) {
    const port = FIRST + next;
    next = (next + 1) % COUNT;
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${FIRST} to ${FIRST + COUNT - 1} is free`);
}
