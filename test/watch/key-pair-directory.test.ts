/** A key pair in a mounted directory: found, replaced by the swap of a symbolic link, and kept while what is there is useless. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { KeyPair } from '../../src/model/objects.ts';
import { followKeyPair } from '../../src/watch/key-pair-directory.ts';
import { AwaitedState } from '../support/awaited-state.ts';
import { CertificateAuthority, type TestCertificate } from '../support/certificate-authority.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

/** Laid out as the kubelet does: `tls.crt` → `..data/tls.crt`, `..data` → a directory that is never written to again. */
class MountedSecret {
  readonly directory: string;
  #versions = 0;

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), 'sluice-mount-'));
    for (const name of ['tls.crt', 'tls.key']) symlinkSync(join('..data', name), join(this.directory, name));
  }

  swap(files: Readonly<Record<string, string>>): void {
    const version = `..version-${this.#versions++}`;
    mkdirSync(join(this.directory, version));
    for (const [name, content] of Object.entries(files)) writeFileSync(join(this.directory, version, name), content);
    symlinkSync(version, join(this.directory, '..data-new'));
    renameSync(join(this.directory, '..data-new'), join(this.directory, '..data'));
  }
}

function filesOf({ certPem, keyPem }: TestCertificate): Readonly<Record<string, string>> {
  return { 'tls.crt': certPem, 'tls.key': keyPem };
}

test('a mounted key pair is followed, and what cannot be used is reported and changes nothing', async (t: TestContext) => {
  const authority = await CertificateAuthority.make('mount authority');
  const first = await authority.issue('first.example');
  const second = await authority.issue('second.example');
  const secret = new MountedSecret();
  const stop = new AbortController();
  const state = new AwaitedState();
  const logger = new RecordingLogger();
  const used: KeyPair[] = [];
  const reporting = new Proxy(logger, {
    get: (target, key, receiver) => {
      setImmediate(() => state.report());
      return Reflect.get(target, key, receiver);
    },
  });
  const following = followKeyPair(
    {
      directory: secret.directory,
      purpose: 'tests',
      logger: reporting,
      use: (keyPair) => {
        used.push(keyPair);
        state.report();
      },
    },
    stop.signal,
  );
  t.after(async () => {
    stop.abort();
    await following;
    rmSync(secret.directory, { recursive: true });
  });
  const errors = (): readonly string[] =>
    logger.lines
      .filter(({ level }) => level === 'error')
      .map(({ fields }) => `${String(fields['reason'])}; ${String(fields['consequence'])}`);
  const nthError = (count: number): Promise<string> => state.until(() => errors()[count - 1]);
  const nthPair = (count: number): Promise<KeyPair> => state.until(() => used[count - 1]);

  assert.equal(await nthError(1), `${secret.directory}/tls.crt does not exist; there is none so far`);
  secret.swap(filesOf(first));
  assert.deepEqual((await nthPair(1)).dnsNames, ['first.example']);
  secret.swap({ 'tls.crt': first.certPem, 'tls.key': second.keyPem });
  assert.match(await nthError(2), /^the private key does not belong to the certificate; the one before stays in use$/);
  secret.swap(filesOf(second));
  assert.deepEqual((await nthPair(2)).dnsNames, ['second.example']);
  assert.equal(errors().length, 2);
  assert.ok(!JSON.stringify(logger.lines).includes('PRIVATE KEY'));
});
