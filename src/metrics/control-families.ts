/** Families about the process as a whole: connections, workers, configuration, certificates. */
import { counter, gauge, type MetricFamily, type Sample, single } from './metric-family.ts';
import type { Scrape } from './scrape.ts';

export function controlFamilies(scrape: Scrape): readonly MetricFamily[] {
  return [
    ...trafficFamilies(scrape),
    ...workerFamilies(scrape),
    ...configFamilies(scrape),
    ...snapshotFamilies(scrape),
  ];
}

function trafficFamilies({ sum }: Scrape): readonly MetricFamily[] {
  const unrouted = [...sum.unrouted].map(([status, value]) => ({ labels: { status }, value }));
  return [
    gauge('sluice_connections', 'Open client connections.', single(sum.activeConnections)),
    counter('sluice_connections_accepted_total', 'Client connections accepted.', single(sum.accepted)),
    counter(
      'sluice_connections_refused_total',
      'Client connections closed at once, because there were as many as --max-connections allows.',
      single(sum.refused),
    ),
    counter(
      'sluice_connections_refused_per_ip_total',
      'Client connections closed at once, because their client had as many as --max-connections-per-ip allows.',
      single(sum.refusedPerClient),
    ),
    counter('sluice_accept_errors_total', 'Client connections that could not be accepted.', single(sum.acceptErrors)),
    counter('sluice_tls_handshake_errors_total', 'TLS handshakes that failed.', single(sum.tlsHandshakeErrors)),
    gauge('sluice_requests_in_flight', 'Requests being worked on.', single(sum.activeRequests)),
    counter('sluice_unrouted_requests_total', 'Requests answered without a route, by status.', unrouted),
  ];
}

function workerFamilies({ workers, control }: Scrape): readonly MetricFamily[] {
  const byWorker = (value: (worker: Scrape['workers'][number]) => number): readonly Sample[] =>
    workers.map((worker) => ({ labels: { worker: worker.workerId }, value: value(worker) }));
  return [
    gauge('sluice_workers', 'Workers that answered this scrape.', single(workers.length)),
    counter('sluice_worker_restarts_total', 'Workers that died and were replaced.', single(control.workerRestarts)),
    counter(
      'sluice_worker_hangs_total',
      'Workers that were ended because they showed no sign of life for --worker-hang-timeout.',
      single(control.workerHangs),
    ),
    gauge(
      'sluice_worker_connections',
      'Open client connections of each worker.',
      byWorker((each) => each.connections.active),
    ),
    counter(
      'sluice_worker_cpu_seconds_total',
      'CPU time of each running worker.',
      byWorker((each) => each.cpuSeconds),
    ),
    gauge(
      'sluice_worker_config_generation',
      'Generation in force in each worker.',
      byWorker((each) => each.generation),
    ),
  ];
}

function configFamilies({ control, certificates, routes }: Scrape): readonly MetricFamily[] {
  const expiry = certificates.flatMap((certificate) =>
    certificateHosts(certificate).map((host) => ({
      labels: { host, namespace: certificate.source.namespace, name: certificate.source.name },
      value: certificate.notAfter / 1000,
    })),
  );
  const leader =
    control.leader === null
      ? []
      : [{ labels: { name: control.leader.electionId }, value: Number(control.leader.isLeader) }];
  return [
    gauge('sluice_config_generation', 'Generation in force in every worker.', single(control.generation)),
    gauge(
      'sluice_config_last_apply_successful',
      '1 while the newest configuration is in force, 0 while an older one had to stay.',
      single(Number(control.lastApplySucceeded)),
    ),
    gauge(
      'sluice_config_last_apply_success_timestamp_seconds',
      'When a configuration was last applied.',
      single(control.lastAppliedAt / 1000),
    ),
    counter('sluice_config_applied_total', 'Configurations applied.', single(control.applied)),
    counter('sluice_config_apply_failures_total', 'Configurations that failed.', single(control.applyFailures)),
    gauge('sluice_config_routes', 'Routes of the running configuration.', single(routes.size)),
    gauge('sluice_config_problems', 'Problems of the newest configuration.', countProblems(control.problems)),
    gauge(
      'sluice_certificate_not_after_timestamp_seconds',
      'When the certificate of a host ends.',
      uniqueByLabels(expiry),
    ),
    gauge('sluice_leader', '1 if this process writes status and Events.', leader),
    counter(
      'sluice_kubernetes_writes_total',
      'Requests that change objects of the cluster, by what they write and what became of them.',
      (control.leader?.writes ?? []).map(({ kind, result, count }) => ({ labels: { kind, result }, value: count })),
    ),
  ];
}

function snapshotFamilies({ control: { snapshot } }: Scrape): readonly MetricFamily[] {
  if (snapshot === null) return [];
  return [
    gauge(
      'sluice_serving_snapshot',
      '1 while what --snapshot-dir kept of an earlier run is served, because the API server cannot be used.',
      single(Number(snapshot.serving)),
    ),
    gauge(
      'sluice_served_snapshot_age_seconds',
      'How long ago the snapshot that is served was written.',
      snapshot.serving ? single(snapshot.ageMs / 1000) : [],
    ),
    gauge(
      'sluice_snapshot_last_write_timestamp_seconds',
      'When what is served was last written to --snapshot-dir by this process; 0 = never.',
      single(snapshot.lastWrittenAt / 1000),
    ),
    counter(
      'sluice_snapshot_write_failures_total',
      'Writes to --snapshot-dir that failed.',
      single(snapshot.writeFailures),
    ),
  ];
}

/** `_` stands for names without a certificate of their own. */
export function certificateHosts(certificate: Scrape['certificates'][number]): readonly string[] {
  return certificate.isDefault ? [...certificate.hosts, '_'] : certificate.hosts;
}

/** Prometheus refuses a whole scrape over one series that appears twice; the earliest end is what matters. */
export function uniqueByLabels(samples: readonly Sample[]): readonly Sample[] {
  const unique = new Map<string, Sample>();
  for (const sample of samples) {
    const key = JSON.stringify(sample.labels);
    const before = unique.get(key);
    if (before === undefined || sample.value < before.value) unique.set(key, sample);
  }
  return [...unique.values()];
}

function countProblems(problems: Scrape['control']['problems']): readonly Sample[] {
  const counts = new Map<string, { labels: { code: string; severity: string }; value: number }>();
  for (const { code, severity } of problems) {
    const key = `${severity} ${code}`;
    const sample = counts.get(key) ?? { labels: { code, severity }, value: 0 };
    sample.value += 1;
    counts.set(key, sample);
  }
  return [...counts.values()];
}
