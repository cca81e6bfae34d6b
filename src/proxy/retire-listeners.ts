/**
 * Closes listening sockets without losing who waits on them. The kernel resets connections that it has accepted for a socket
 * and the program has not, also where other sockets share the port; so what is queued is accepted first.
 */
import type { Server } from 'node:net';
import { setImmediate } from 'node:timers/promises';

/** Connections that come faster than they are accepted must not keep a listener open for ever. */
const MAX_ACCEPTING_MS = 1_000;

export async function retireListeners(servers: readonly Server[]): Promise<void> {
  let accepted = true;
  const onConnection = (): void => {
    accepted = true;
  };
  for (const server of servers) server.on('connection', onConnection);
  const giveUpMs = performance.now() + MAX_ACCEPTING_MS;
  // The first turn may begin behind the poll for events of this turn of the loop; each later one has a whole poll in it.
  await setImmediate();
  while (accepted && performance.now() < giveUpMs) {
    accepted = false;
    await setImmediate();
  }
  // Nothing was queued at the poll that has just ended: the shortest time in which somebody can still be lost.
  for (const server of servers) server.close();
}
