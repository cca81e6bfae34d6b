/** Builds the admission webhook of a controller, and owns its start and stop. */
import { AdmissionServer } from '../admission/admission-server.ts';
import { AdmissionWebhook } from '../admission/admission-webhook.ts';
import { checkPorts } from '../control/check-ports.ts';
import type { Logger } from '../log/logger.ts';
import { followKeyPair } from '../watch/key-pair-directory.ts';
import { narrowIngress } from '../watch/narrow-ingress.ts';
import { narrowService } from '../watch/narrow-service.ts';
import type { SnapshotListener } from '../watch/source.ts';
import { toCompileSettings } from './compile-settings.ts';
import type { ControllerSettings, WebhookSettings } from './settings.ts';

export interface AdmissionOptions {
  readonly settings: ControllerSettings;
  readonly webhook: WebhookSettings;
  readonly logger: Logger;
}

/** As of listeners and of the admin port: `--takeover` shares them, and elsewhere the kernel cannot. */
const REUSE_PORT = process.platform === 'linux';

export class Admission {
  readonly webhook: AdmissionWebhook;
  readonly #server: AdmissionServer;
  readonly #certificate: AbortController;
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    const { settings, webhook, logger } = options;
    this.webhook = new AdmissionWebhook({
      settings: toCompileSettings(settings, { fallbackCertificate: null, listeners: [] }),
      namespaces: settings.watchNamespaces,
      narrowIngress,
      narrowService,
      nowAt: Date.now,
    });
    this.#server = new AdmissionServer({
      bind: settings.bind,
      port: webhook.port,
      reusePort: REUSE_PORT,
      logger,
      webhook: this.webhook,
    });
    this.#certificate = new AbortController();
    this.#options = options;
  }

  /** Resolves to the bound port; rejects when it cannot be had. */
  async listen(): Promise<number> {
    const { settings, webhook, logger } = this.#options;
    const { bind: address, takeover } = settings;
    const occupied = takeover ? '' : await checkPorts([{ name: 'webhook', address, port: webhook.port }]);
    if (occupied !== '') throw new Error(occupied);
    const port = await this.#server.listen();
    const directory = webhook.certificateDirectory;
    const use = this.#server.useKeyPair.bind(this.#server);
    void followKeyPair({ directory, purpose: 'admission webhook', logger, use }, this.#certificate.signal);
    return port;
  }

  /** Takes what it judges by from what is meant for `listener`. */
  passTo(listener: SnapshotListener): SnapshotListener {
    return {
      onSnapshot: (snapshot) => {
        // Traffic first: the index of thousands of Ingresses takes its time when they are all new.
        listener.onSnapshot(snapshot);
        this.webhook.onSnapshot(snapshot);
      },
      onInvalid: (problems) => listener.onInvalid(problems),
    };
  }

  async close(): Promise<void> {
    this.#certificate.abort();
    await this.#server.close();
  }
}
