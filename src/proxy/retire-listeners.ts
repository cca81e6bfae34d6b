/**
 * Closes listening sockets without losing who waits on them. The kernel resets connections that it has accepted for a socket
 * and the program has not, also where other sockets share the port; so what is queued is accepted first.
 */
import type { Server } from 'node:net';
import { setImmediate } from 'node:timers/promises';

/** Connections that come faster than they are accepted must not keep a listener open for ever. */
const MAX_ACCEPTING_MS = 1_000;
/** Who comes between the look at the queue and the close is lost, so this is to be a turn with nothing else in it. */
const SHORT_TURN_MS = 0.1;

export async function retireListeners(servers: readonly Server[]): Promise<void> {
  if (servers.length === 0) return;
  let accepted = true;
  const onConnection = (): void => {
    accepted = true;
  };
  for (const server of servers) server.on('connection', onConnection);
  // The first turn may begin behind the poll for events of this turn of the loop; each later one has a whole poll in it.
  await setImmediate();
  let nowMs = performance.now();
  const giveUpMs = nowMs + MAX_ACCEPTING_MS;
  let turnMs = 0;
  do {
    const turnedMs = nowMs;
    accepted = false;
    await setImmediate();
    nowMs = performance.now();
    turnMs = nowMs - turnedMs;
  } while ((accepted || turnMs > SHORT_TURN_MS) && nowMs < giveUpMs);
  for (const server of servers) server.close();
}
