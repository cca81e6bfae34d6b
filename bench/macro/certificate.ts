/** The certificate that every proxy of a run shows: ECDSA P-256, made for the run, as small sites have it today. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** Both in one file, as HAProxy wants them. */
  readonly bundleFile: string;
}

export async function makeCertificate(directory: string): Promise<Certificate> {
  const pems = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  return {
    certFile: write(directory, 'tls.crt', pems.cert),
    keyFile: write(directory, 'tls.key', pems.private),
    bundleFile: write(directory, 'tls.pem', `${pems.cert}\n${pems.private}`),
  };
}

function write(directory: string, name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}
