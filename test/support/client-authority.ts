/** Authorities of the tests, and what they sign: servers' and clients' key pairs. */
import { type GenerateResult, generate } from 'selfsigned';

export interface SignedPair {
  readonly cert: string;
  readonly key: string;
}

const EC = { keyType: 'ec', algorithm: 'sha256' } as const;

export class ClientAuthority {
  /** PEM. */
  readonly cert: string;
  readonly #key: string;

  constructor({ cert, private: key }: GenerateResult) {
    this.cert = cert;
    this.#key = key;
  }

  static async make(commonName: string): Promise<ClientAuthority> {
    const extensions = [
      { name: 'basicConstraints' as const, cA: true, critical: true },
      { name: 'keyUsage' as const, keyCertSign: true, cRLSign: true, critical: true },
    ];
    return new ClientAuthority(await generate([{ name: 'commonName', value: commonName }], { ...EC, extensions }));
  }

  client(
    commonName: string,
    validity: { readonly notBeforeDate?: Date; readonly notAfterDate?: Date } = {},
  ): Promise<SignedPair> {
    return this.#sign(commonName, 'clientAuth', validity);
  }

  /** Good for servers only. */
  server(commonName: string): Promise<SignedPair> {
    return this.#sign(commonName, 'serverAuth', {});
  }

  async #sign(commonName: string, usage: 'clientAuth' | 'serverAuth', validity: object): Promise<SignedPair> {
    const attributes = [
      { name: 'commonName', value: commonName },
      { name: 'organizationName', value: 'Sluice tests' },
    ];
    const { cert, private: key } = await generate(attributes, {
      ...EC,
      ...validity,
      ca: { cert: this.cert, key: this.#key },
      extensions: [
        { name: 'basicConstraints', cA: false },
        { name: 'keyUsage', digitalSignature: true },
        { name: 'extKeyUsage', [usage]: true },
      ],
    });
    return { cert, key };
  }
}
