/** Finds a port for a listener of the demo: the usual one, or any that is free. */
import { createServer } from 'node:net';

/** @returns `preferred` if it can be bound now, else 0, which asks Sluice for any free port */
export function portOrAny(host: string, preferred: number): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer();
  server.once('error', () => resolve(0));
  server.listen({ host, port: preferred, exclusive: true }, () => server.close(() => resolve(preferred)));
  return promise;
}
