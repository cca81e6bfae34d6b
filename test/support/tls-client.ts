/** TLS clients of the tests: one handshake each, with the session that came of it. */
import tls from 'node:tls';

export interface TlsVisit {
  readonly reused: boolean;
  /** What resumes this session later. */
  readonly session: Buffer;
  readonly cipher: string;
  /** Common name of the certificate shown; empty when the session was resumed by TLS 1.2. */
  readonly commonName: string;
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** Completes a handshake, sends a request, and leaves when the answer is there: by then tickets have arrived too. */
export function visit(port: number, options: tls.ConnectionOptions = {}): Promise<TlsVisit> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port, servername: '', rejectUnauthorized: false, ...options });
    let session: Buffer | undefined;
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed before the answer')));
    socket.on('session', (ticket: Buffer) => {
      session = ticket;
    });
    socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n'));
    socket.once('data', () => {
      resolve({
        reused: socket.isSessionReused(),
        session: session ?? socket.getSession() ?? Buffer.alloc(0),
        cipher: socket.getCipher().standardName,
        commonName: String(socket.getPeerCertificate().subject?.CN ?? ''),
      });
      socket.destroy();
    });
  });
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
