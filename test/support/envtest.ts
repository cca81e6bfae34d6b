/**
 * Starts a real etcd and kube-apiserver from the directory that `KUBEBUILDER_ASSETS` names, in a temporary directory with
 * certificates of their own, and takes everything away again.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';

const READY_TIMEOUT_MS = 120_000;
const POLL_MS = 100;
/** kube-apiserver drains for longer, but nothing here is worth waiting for. */
const STOP_GRACE_MS = 2_000;

export interface AdminCredentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** `user` of a kubeconfig. */
type KubeconfigUser = Readonly<Record<string, string>>;

export class Envtest {
  readonly url: string;
  /** Path of a kubeconfig of the administrator. */
  readonly kubeconfig: string;
  readonly admin: AdminCredentials;
  readonly #assets: string;
  readonly #directory: string;
  readonly #etcdPort: number;
  readonly #etcdPeerPort: number;
  readonly #apiPort: number;
  readonly #agent: Agent;
  readonly #killAll: () => void;
  #etcd: ChildProcess | null;
  #apiServer: ChildProcess | null;

  private constructor(assets: string, directory: string, ports: readonly [number, number, number]) {
    [this.#etcdPort, this.#etcdPeerPort, this.#apiPort] = ports;
    this.#assets = assets;
    this.#directory = directory;
    this.#etcd = null;
    this.#apiServer = null;
    this.url = `https://127.0.0.1:${this.#apiPort}`;
    makeCertificates(directory);
    const read = (file: string): string => readFileSync(join(directory, file), 'utf8');
    this.admin = { ca: read('ca.crt'), cert: read('admin.crt'), key: read('admin.key') };
    const { cert, key } = this.admin;
    const user = { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) };
    this.kubeconfig = this.#writeKubeconfig('admin', user, this.url);
    this.#agent = new Agent({ connect: { ...this.admin } });
    // A test run that dies must not leave servers behind.
    this.#killAll = () => {
      this.#apiServer?.kill('SIGKILL');
      this.#etcd?.kill('SIGKILL');
    };
    process.on('exit', this.#killAll);
  }

  static async start(assets: string): Promise<Envtest> {
    const directory = mkdtempSync(join(tmpdir(), 'envtest-'));
    const env = new Envtest(assets, directory, [await freePort(), await freePort(), await freePort()]);
    try {
      env.#startEtcd();
      await env.#until('etcd', `http://127.0.0.1:${env.#etcdPort}/health`, '"health":"true"');
      env.#startApiServer();
      await env.ready();
    } catch (error) {
      await env.stop();
      throw error;
    }
    return env;
  }

  /**
   * Path of a kubeconfig for whom `token` names; `name` becomes part of the file name, so a second call replaces the file.
   * `server` is the way to the API server, if not the straight one. Without a namespace none is named.
   */
  kubeconfigFor(name: string, token: string, server: string = this.url, namespace: string = ''): string {
    return this.#writeKubeconfig(name, { token }, server, namespace);
  }

  /** Path of a kubeconfig of the administrator that goes by way of `server`. */
  kubeconfigBy(server: string): string {
    const { cert, key } = this.admin;
    const user = { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) };
    return this.#writeKubeconfig('admin-elsewhere', user, server);
  }

  /** Forgets all of etcd's history before its present revision, as etcd is told to every few minutes in a real cluster. */
  async compact(): Promise<void> {
    const etcd = `http://127.0.0.1:${this.#etcdPort}/v3/kv`;
    const post = async (path: string, body: object): Promise<{ readonly header: { readonly revision: string } }> => {
      const answer = await request(`${etcd}/${path}`, { method: 'POST', body: JSON.stringify(body) });
      if (answer.statusCode !== 200) throw new Error(`etcd ${path}: ${answer.statusCode} ${await answer.body.text()}`);
      return (await answer.body.json()) as { readonly header: { readonly revision: string } };
    };
    const { header } = await post('range', { key: base64('compact'), limit: '1' });
    await post('compaction', { revision: header.revision, physical: true });
  }

  /** Resolves as soon as the API server says it is ready. */
  async ready(): Promise<void> {
    await this.#until('kube-apiserver', `${this.url}/readyz`, 'ok');
  }

  /** As by an out-of-memory kill: SIGKILL. etcd goes on. */
  async killApiServer(): Promise<void> {
    const server = this.#apiServer;
    this.#apiServer = null;
    await stop(server, 'SIGKILL');
  }

  /** After `killApiServer`, on the same port. */
  restartApiServer(): void {
    if (this.#apiServer === null) this.#startApiServer();
  }

  async stop(): Promise<void> {
    await stop(this.#apiServer, 'SIGTERM');
    await stop(this.#etcd, 'SIGTERM');
    process.off('exit', this.#killAll);
    await this.#agent.destroy();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #writeKubeconfig(name: string, user: KubeconfigUser, server: string, namespace: string = ''): string {
    const file = join(this.#directory, `${name}.kubeconfig`);
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'envtest', cluster: { server, 'certificate-authority-data': base64(this.admin.ca) } }],
      users: [{ name, user }],
      contexts: [{ name: 'envtest', context: { cluster: 'envtest', user: name, namespace } }],
      'current-context': 'envtest',
    };
    // Whoever reads it meanwhile sees the old one or the new one.
    writeFileSync(`${file}.new`, JSON.stringify(config), { mode: 0o600 });
    renameSync(`${file}.new`, file);
    return file;
  }

  #startEtcd(): void {
    const client = `http://127.0.0.1:${this.#etcdPort}`;
    const peer = `http://127.0.0.1:${this.#etcdPeerPort}`;
    this.#etcd = this.#spawn('etcd', [
      '--name=default',
      `--data-dir=${join(this.#directory, 'etcd')}`,
      '--unsafe-no-fsync',
      '--log-level=warn',
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
    ]);
  }

  #startApiServer(): void {
    const file = (name: string): string => join(this.#directory, name);
    this.#apiServer = this.#spawn('kube-apiserver', [
      `--etcd-servers=http://127.0.0.1:${this.#etcdPort}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${this.#apiPort}`,
      '--endpoint-reconciler-type=none',
      `--cert-dir=${this.#directory}`,
      `--tls-cert-file=${file('apiserver.crt')}`,
      `--tls-private-key-file=${file('apiserver.key')}`,
      `--client-ca-file=${file('ca.crt')}`,
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      `--service-account-key-file=${file('sa.pub')}`,
      `--service-account-signing-key-file=${file('sa.key')}`,
      '--service-cluster-ip-range=10.0.0.0/24',
      '--allow-privileged=true',
      '--authorization-mode=RBAC',
      '--disable-admission-plugins=ServiceAccount',
      '--profiling=false',
    ]);
  }

  #spawn(program: string, args: readonly string[]): ChildProcess {
    const log = openSync(join(this.#directory, `${program}.log`), 'a');
    const child = spawn(join(this.#assets, program), args, { stdio: ['ignore', log, log] });
    closeSync(log);
    return child;
  }

  async #until(program: 'etcd' | 'kube-apiserver', url: string, expected: string): Promise<void> {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    for (;;) {
      const body = await this.#getText(url);
      if (body.includes(expected)) return;
      const child = program === 'etcd' ? this.#etcd : this.#apiServer;
      if (child === null || child.exitCode !== null || performance.now() > deadline) {
        const log = readFileSync(join(this.#directory, `${program}.log`), 'utf8');
        throw new Error(`${program} did not become ready (${body}):\n${log.slice(-4000)}`);
      }
      // A process of its own tells nobody when it is ready: it can only be asked again.
      await new Promise((resolve) => {
        setTimeout(resolve, POLL_MS);
      });
    }
  }

  async #getText(url: string): Promise<string> {
    try {
      const { body } = await request(url, { dispatcher: this.#agent, headersTimeout: 5_000 });
      return await body.text();
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}

async function stop(child: ChildProcess | null, signal: NodeJS.Signals): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const grace = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
  await exited;
  clearTimeout(grace);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

function makeCertificates(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const key = (name: string): void =>
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
  key('ca');
  openssl('req', '-x509', '-new', '-key', 'ca.key', '-subj', '/CN=envtest-ca', '-days', '2', '-out', 'ca.crt');
  const sign = (name: string, subject: string, extensions: string): void => {
    key(name);
    writeFileSync(join(directory, `${name}.ext`), extensions);
    openssl('req', '-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`);
    const files = ['-in', `${name}.csr`, '-out', `${name}.crt`, '-extfile', `${name}.ext`];
    openssl('x509', '-req', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', ...files);
  };
  sign('apiserver', '/CN=kube-apiserver', 'extendedKeyUsage=serverAuth\nsubjectAltName=IP:127.0.0.1,DNS:localhost\n');
  sign('admin', '/O=system:masters/CN=admin', 'extendedKeyUsage=clientAuth\n');
  openssl('genrsa', '-out', 'sa.key', '2048');
  openssl('rsa', '-in', 'sa.key', '-pubout', '-out', 'sa.pub');
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
