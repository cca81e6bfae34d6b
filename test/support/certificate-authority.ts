/** A certificate authority for tests: certificates with a chain that verifies, made in a millisecond each. */
import { generate } from 'selfsigned';

export interface TestCertificate {
  /** PEM, leaf first, with the intermediate certificates below the root. */
  readonly certPem: string;
  readonly keyPem: string;
}

export class CertificateAuthority {
  /** PEM of the root: what clients are to trust. */
  readonly rootPem: string;
  readonly #cert: string;
  readonly #key: string;
  /** What a leaf needs behind it, up to the root. */
  readonly #intermediates: string;

  private constructor(rootPem: string, cert: string, key: string, intermediates: string) {
    this.rootPem = rootPem;
    this.#cert = cert;
    this.#key = key;
    this.#intermediates = intermediates;
  }

  static async make(name: string): Promise<CertificateAuthority> {
    const pair = await generate([{ name: 'commonName', value: name }], { ...BASE, extensions: CA_EXTENSIONS });
    return new CertificateAuthority(pair.cert, pair.cert, pair.private, '');
  }

  /** An authority below this one. */
  async makeIntermediate(name: string): Promise<CertificateAuthority> {
    const pair = await generate([{ name: 'commonName', value: name }], {
      ...BASE,
      ca: { cert: this.#cert, key: this.#key },
      extensions: CA_EXTENSIONS,
    });
    return new CertificateAuthority(this.rootPem, pair.cert, pair.private, `${pair.cert}\n${this.#intermediates}`);
  }

  /** Names that look like IPv4 addresses become addresses. */
  async issue(...names: readonly string[]): Promise<TestCertificate> {
    const altNames = names.map((name) => {
      return /^[\d.]+$/.test(name) ? { type: 7 as const, ip: name } : { type: 2 as const, value: name };
    });
    const pair = await generate([{ name: 'commonName', value: names[0] ?? '' }], {
      ...BASE,
      ca: { cert: this.#cert, key: this.#key },
      extensions: [
        { name: 'basicConstraints', cA: false },
        { name: 'subjectAltName', altNames },
      ],
    });
    return { certPem: `${pair.cert}\n${this.#intermediates}`, keyPem: pair.private };
  }
}

const BASE = { algorithm: 'sha256', keyType: 'ec' } as const;
const CA_EXTENSIONS = [
  { name: 'basicConstraints' as const, cA: true, critical: true },
  { name: 'keyUsage' as const, keyCertSign: true, cRLSign: true },
];
