/** The cluster of an end-to-end test: a real API server, pods with their Services, and Sluice as its ingress controller. */
import { ControllerProcess } from './e2e-controller.ts';
import { envtestAssets, podAddress } from './e2e-environment.ts';
import { E2E_NAMESPACE, type IngressOptions, ingressManifest, ingressSpec } from './e2e-manifests.ts';
import { Pod } from './e2e-pod.ts';
import { Envtest } from './envtest.ts';
import { KubeObjects } from './kube-objects.ts';
import { rawEndpoints, rawIngressClass, rawService } from './kubernetes-objects.ts';

export class E2eCluster {
  readonly env: Envtest;
  readonly objects: KubeObjects;
  readonly #pods: Pod[];
  readonly #controllers: ControllerProcess[];

  private constructor(env: Envtest) {
    this.env = env;
    this.objects = new KubeObjects(env.url, env.admin);
    this.#pods = [];
    this.#controllers = [];
    process.on('exit', () => {
      for (const controller of this.#controllers) controller.signal('SIGKILL');
    });
  }

  /** With the namespace of the tests and an IngressClass for Sluice. */
  static async start(): Promise<E2eCluster> {
    const cluster = new E2eCluster(await Envtest.start(envtestAssets));
    await cluster.objects.create('namespaces', { metadata: { name: E2E_NAMESPACE } });
    await cluster.objects.create('ingressclasses', rawIngressClass('sluice'));
    return cluster;
  }

  /** Ready to serve. */
  async controller(args: readonly string[], kubeconfig?: string): Promise<ControllerProcess> {
    const controller = this.launchController(args, kubeconfig);
    await controller.ready();
    return controller;
  }

  /** Perhaps never ready. */
  launchController(args: readonly string[], kubeconfig: string = this.env.kubeconfig): ControllerProcess {
    const controller = ControllerProcess.launch(kubeconfig, args);
    this.#controllers.push(controller);
    return controller;
  }

  /** A pod that no Service leads to yet. */
  async pod(name: string, port?: number): Promise<Pod> {
    const pod = await Pod.start(name, podAddress(this.#pods.length), port);
    this.#pods.push(pod);
    return pod;
  }

  /** A Service of one new pod, both of this name. */
  async service(name: string): Promise<Pod> {
    const pod = await this.pod(name);
    await this.objects.create('services', rawService(name));
    await this.objects.create('endpoints', rawEndpoints(name, [pod.address]));
    return pod;
  }

  /** Makes `pods` all there are behind the Service. */
  async scale(service: string, pods: readonly Pod[]): Promise<void> {
    const { subsets } = rawEndpoints(
      service,
      pods.map(({ address }) => address),
    );
    await this.objects.patch('endpoints', E2E_NAMESPACE, service, { subsets: pods.length === 0 ? [] : subsets });
  }

  async createIngress(name: string, options: IngressOptions): Promise<void> {
    await this.objects.create('ingresses', ingressManifest(name, options));
  }

  /** Puts another specification in its place; annotations given are added. */
  async changeIngress(name: string, options: IngressOptions): Promise<void> {
    const { annotations = {} } = options;
    await this.objects.patch('ingresses', E2E_NAMESPACE, name, {
      metadata: { annotations },
      spec: ingressSpec(options),
    });
  }

  async deleteIngress(name: string): Promise<void> {
    await this.objects.delete('ingresses', E2E_NAMESPACE, name);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#controllers.map((controller) => controller.kill()));
    for (const pod of this.#pods) pod.kill();
    await this.objects.close();
    await this.env.stop();
  }
}
