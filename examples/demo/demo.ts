/**
 * `npm start`: a canary release on this machine, with nothing installed. Starts three sample backends, Sluice in front of
 * them and some traffic, shows the split as it happens, and stops all of it on Ctrl-C.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BACKENDS, SampleBackend, type ServedRequest } from './backends.ts';
import { portOrAny } from './free-port.ts';
import { renderInstructions } from './instructions.ts';
import { type ManifestDirectory, prepareManifests } from './manifests.ts';
import { readCanaryWeight } from './running-config.ts';
import { type LogLine, type Ports, SluiceProcess } from './sluice-process.ts';
import { Tally } from './tally.ts';
import { Traffic } from './traffic.ts';
import { openView, type View } from './view.ts';

const HTTP_PORT = 8080;
const HTTPS_PORT = 8443;
const ADMIN_PORT = 10_254;
const BIND = '127.0.0.1';
const MAX_RATE = 100;

interface Options {
  /** Requests per second of the built-in traffic. */
  readonly rate: number;
  /** Do not even try the usual ports. */
  readonly freePorts: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: { rate: { type: 'string', default: '5' }, 'free-ports': { type: 'boolean', default: false } },
  });
  const rate = Number(values.rate);
  if (!(rate >= 0 && rate <= MAX_RATE)) {
    throw new Error(`--rate: expected requests per second from 0 to ${MAX_RATE}, got "${values.rate}"`);
  }
  return { rate, freePorts: values['free-ports'] };
}

async function choosePorts(freePorts: boolean): Promise<Ports> {
  const choose = (port: number): Promise<number> => (freePorts ? Promise.resolve(0) : portOrAny(BIND, port));
  return {
    httpPort: await choose(HTTP_PORT),
    httpsPort: await choose(HTTPS_PORT),
    adminPort: await choose(ADMIN_PORT),
  };
}

function toArguments({ httpPort, httpsPort, adminPort }: Ports, manifests: string): readonly string[] {
  const ports = ['--http-port', `${httpPort}`, '--https-port', `${httpsPort}`, '--admin-port', `${adminPort}`];
  // Each demo begins anew.
  return ['--manifests', manifests, '--release-state', 'off', '--bind', BIND, '--admin-bind', BIND, ...ports];
}

/** What is not as everybody expects it, and where it is instead. */
function describeReplacements(ports: Ports, manifests: ManifestDirectory): readonly string[] {
  const listeners = [
    { name: 'HTTP', usual: HTTP_PORT, actual: ports.httpPort },
    { name: 'HTTPS', usual: HTTPS_PORT, actual: ports.httpsPort },
    { name: 'admin', usual: ADMIN_PORT, actual: ports.adminPort },
  ];
  const notes = listeners
    .filter(({ usual, actual }) => usual !== actual)
    .map(({ name, usual, actual }) => `port ${usual} is not free, ${name} is on ${actual}`);
  if (manifests.isCopy) {
    notes.push(`backend ports of the manifests are not free, a copy with others is served: ${manifests.path}`);
  }
  return notes;
}

class Demo {
  readonly #options: Options;
  readonly #tally: Tally;
  readonly #backends: readonly SampleBackend[];
  #manifests: ManifestDirectory | null;
  #sluice: SluiceProcess | null;
  #traffic: Traffic | null;
  #view: View | null;
  #adminPort: number;
  #status: string;
  #stopping: boolean;

  constructor(options: Options) {
    this.#options = options;
    this.#tally = new Tally(BACKENDS.map(({ name }) => name));
    this.#backends = BACKENDS.map((plan) => new SampleBackend(plan, (request) => this.#onServed(request)));
    this.#manifests = null;
    this.#sluice = null;
    this.#traffic = null;
    this.#view = null;
    this.#adminPort = 0;
    this.#status = 'starting';
    this.#stopping = false;
  }

  /** @returns when Sluice has ended: why */
  async run(): Promise<string> {
    for (const backend of this.#backends) await backend.listen(this.#options.freePorts);
    const manifests = prepareManifests(this.#backends);
    this.#manifests = manifests;
    const wanted = await choosePorts(this.#options.freePorts);
    if (this.#stopping) return 'not started';
    const sluice = new SluiceProcess(toArguments(wanted, manifests.path), (line) => this.#onLog(line));
    this.#sluice = sluice;
    const ports = await Promise.race([sluice.ready, sluice.ended]);
    if (typeof ports === 'string' || this.#stopping) return sluice.ended;
    this.#adminPort = ports.adminPort;
    for (const note of describeReplacements(ports, manifests)) console.log(note);
    console.log(renderInstructions({ ...ports, canaryFile: join(manifests.path, 'canary-ingress.yaml') }));
    this.#view = openView(process.stdout, this.#tally, () => this.#describeStatus());
    this.#traffic = new Traffic(ports.httpPort, this.#options.rate);
    await this.#showConfig();
    return sluice.ended;
  }

  /** Sluice first: it finishes the requests that are open, for which it needs the backends. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#traffic?.stop();
    await this.#sluice?.stop();
    this.#view?.close();
    await Promise.all(this.#backends.map((backend) => backend.close()));
    this.#manifests?.remove();
  }

  #onServed(request: ServedRequest): void {
    this.#tally.add(request);
    if (!request.builtIn) this.#view?.onYours(request);
  }

  #onLog(line: LogLine): void {
    if (this.#view === null) return;
    if (line.level === 'warn' || line.level === 'error') this.#view.note(formatFault(line));
    if (line.msg === 'configuration applied') void this.#showConfig();
  }

  async #showConfig(): Promise<void> {
    const weight = await readCanaryWeight(this.#adminPort);
    if (weight === '') return;
    this.#status = `canary weight ${weight}`;
    this.#tally.forgetRecent();
    this.#view?.note(`${new Date().toTimeString().slice(0, 8)} configuration applied, canary weight ${weight}`);
  }

  #describeStatus(): string {
    const failed = this.#traffic?.failed ?? 0;
    return failed === 0 ? this.#status : `${this.#status}, ${failed} failed`;
  }
}

function formatFault({ level, time, msg, ...fields }: LogLine): string {
  return `${String(time).slice(11, 19)} ${level}: ${msg} ${JSON.stringify(fields)}`;
}

async function main(): Promise<number> {
  const demo = new Demo(readOptions());
  const interrupted = Promise.withResolvers<null>();
  // More than one comes: npm passes Ctrl-C on to a program that got it from the terminal already.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.resolve(null));
  try {
    const reason = await Promise.race([interrupted.promise, demo.run()]);
    if (reason !== null) throw new Error(`sluice ${reason}`);
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  } finally {
    await demo.stop();
  }
}

process.exit(await main());
