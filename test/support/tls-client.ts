/** TLS clients of the tests: one handshake each, with the session that came of it. */
import tls from 'node:tls';
import { RawClient } from './raw-client.ts';
import { statusOf } from './raw-message.ts';

export interface TlsVisit {
  readonly status: number;
  readonly body: string;
  readonly reused: boolean;
  /** What resumes this session later. */
  readonly session: Buffer;
  readonly cipher: string;
  /** Common name of the certificate shown; empty when the session was resumed by TLS 1.2. */
  readonly commonName: string;
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** Completes a handshake, sends a request, and leaves when the answer is there: by then tickets have arrived too. */
export async function visit(
  port: number,
  options: tls.ConnectionOptions = {},
  host = 'shop.example',
): Promise<TlsVisit> {
  const socket = tls.connect({ host: '127.0.0.1', port, servername: '', rejectUnauthorized: false, ...options });
  let session: Buffer | undefined;
  socket.on('session', (ticket: Buffer) => {
    session = ticket;
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('secureConnect', resolve);
  });
  const client = new RawClient(socket);
  client.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const response = await client.response();
  const visited = {
    status: statusOf(response),
    body: response.body.toString(),
    reused: socket.isSessionReused(),
    session: session ?? socket.getSession() ?? Buffer.alloc(0),
    cipher: socket.getCipher().standardName,
    commonName: String(socket.getPeerCertificate().subject?.CN ?? ''),
  };
  client.destroy();
  return visited;
}

/** The same, held to one version. */
export function visitWith(
  port: number,
  version: TlsVersion,
  servername: string,
  session: Buffer | null,
): Promise<TlsVisit> {
  const resume = session === null ? {} : { session };
  return visit(port, { servername, minVersion: version, maxVersion: version, ...resume });
}
