/** A certificate authority for tests: key pairs of servers and clients with a chain that verifies, made in a millisecond each. */
import { generate } from 'selfsigned';

type Extensions = NonNullable<NonNullable<Parameters<typeof generate>[1]>['extensions']>;

export interface TestCertificate {
  /** PEM, leaf first, with the intermediate certificates below the root. */
  readonly certPem: string;
  readonly keyPem: string;
}

export interface Validity {
  readonly notBeforeDate?: Date;
  readonly notAfterDate?: Date;
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
    return this.#sign(names[0] ?? '', [{ name: 'subjectAltName', altNames }], {});
  }

  /** Good for one usage only. */
  issueFor(usage: 'clientAuth' | 'serverAuth', commonName: string, validity: Validity = {}): Promise<TestCertificate> {
    const extensions: Extensions = [
      { name: 'keyUsage', digitalSignature: true },
      { name: 'extKeyUsage', [usage]: true },
    ];
    return this.#sign(commonName, extensions, validity);
  }

  async #sign(commonName: string, extensions: Extensions, validity: Validity): Promise<TestCertificate> {
    const attributes = [
      { name: 'commonName', value: commonName },
      { name: 'organizationName', value: 'Sluice tests' },
    ];
    const pair = await generate(attributes, {
      ...BASE,
      ...validity,
      ca: { cert: this.#cert, key: this.#key },
      extensions: [{ name: 'basicConstraints', cA: false }, ...extensions],
    });
    return { certPem: `${pair.cert}\n${this.#intermediates}`, keyPem: pair.private };
  }
}

const BASE = { algorithm: 'sha256', keyType: 'ec' } as const;
const CA_EXTENSIONS = [
  { name: 'basicConstraints' as const, cA: true, critical: true },
  { name: 'keyUsage' as const, keyCertSign: true, cRLSign: true },
];
