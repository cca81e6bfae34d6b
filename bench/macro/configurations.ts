/**
 * Configurations of the proxies we are compared with: one worker, no access log, keep-alive on both sides, the request
 * fields that Sluice adds, as far as each can, bodies of any size streamed both ways, and TLS 1.3 with AES-128-GCM.
 */
import type { Certificate } from './certificate.ts';

export interface Route {
  readonly port: number;
  readonly upstreamPort: number;
  /** Null: the listener speaks clear text. */
  readonly certificate: Certificate | null;
  /** For everything a program would write to the system otherwise. */
  readonly directory: string;
  /** A module that Sluice loads into each of its threads first. */
  readonly preload: string | null;
}

/** What all that can choose are told to choose. Caddy takes it by itself. */
export const CIPHER_SUITE = 'TLS_AES_128_GCM_SHA256';

export function sluiceConfiguration({ port, upstreamPort, certificate }: Route): string {
  const files = certificate && `certFile: ${certificate.certFile}, keyFile: ${certificate.keyFile}`;
  const tls = files === null ? '' : `, tls: { certificates: [{ ${files} }] }`;
  return `listeners: [{ name: web, address: 127.0.0.1, port: ${port}${tls} }]
upstreams: { bench: { endpoints: [{ address: '127.0.0.1:${upstreamPort}' }] } }
routes: [{ upstream: bench }]
`;
}

/** What stands outside of the servers, for the proxy and for the upstream alike. */
function nginxFrame(directory: string, http: string): string {
  // Without it, the workers of a root process may not read what is in our directory.
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  return `daemon off;
${user}
worker_processes 1;
worker_rlimit_nofile 65536;
pid ${directory}/nginx.pid;
error_log stderr error;
events { worker_connections 20000; }
http {
  access_log off;
  keepalive_requests 100000000;
  keepalive_timeout 600s;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
${http}}
`;
}

export function nginxConfiguration({ port, upstreamPort, certificate, directory }: Route): string {
  const tls =
    certificate &&
    `ssl_certificate ${certificate.certFile};
    ssl_certificate_key ${certificate.keyFile};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_conf_command Ciphersuites ${CIPHER_SUITE};`;
  return nginxFrame(
    directory,
    `  upstream bench { server 127.0.0.1:${upstreamPort}; keepalive 256; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port}${tls === null ? '' : ' ssl http2'};
    ${tls ?? ''}
    client_max_body_size 0;
    proxy_request_buffering off;
    proxy_max_temp_file_size 0;
    location / {
      proxy_pass http://bench;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Request-ID $request_id;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Scheme $scheme;
      proxy_set_header X-Scheme $scheme;
    }
  }
`,
  );
}

/** nginx as the upstream: `body` everywhere, and the files of `root` below /files/. */
export function nginxUpstreamConfiguration(port: number, body: string, root: string, directory: string): string {
  return nginxFrame(
    directory,
    `  sendfile on;
  tcp_nopush on;
  default_type text/plain;
  server {
    listen 127.0.0.1:${port};
    location / { return 200 "${body}"; }
    location /files/ { root ${root}; }
  }
`,
  );
}

export function haproxyConfiguration({ port, upstreamPort, certificate }: Route): string {
  const scheme = certificate === null ? 'http' : 'https';
  const tls = certificate === null ? '' : ` ssl crt ${certificate.bundleFile} alpn h2,http/1.1`;
  return `global
  nbthread 1
  ssl-default-bind-ciphersuites ${CIPHER_SUITE}
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 60s
  http-reuse always
frontend web
  bind 127.0.0.1:${port}${tls}
  http-request set-header X-Request-ID %[uuid()]
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Forwarded-Proto ${scheme}
  http-request set-header X-Forwarded-Scheme ${scheme}
  http-request set-header X-Scheme ${scheme}
  default_backend bench
backend bench
  server one 127.0.0.1:${upstreamPort} pool-max-conn 256
`;
}

export function caddyConfiguration({ port, upstreamPort, certificate }: Route): string {
  const scheme = certificate === null ? 'http' : 'https';
  return `{
  admin off
  auto_https off
  log {
    level ERROR
  }
}
${scheme}://127.0.0.1:${port}, ${scheme}://localhost:${port} {
  bind 127.0.0.1
  ${certificate === null ? '' : `tls ${certificate.certFile} ${certificate.keyFile}`}
  reverse_proxy 127.0.0.1:${upstreamPort} {
    header_up X-Request-ID {http.request.uuid}
    header_up X-Real-IP {http.request.remote.host}
    header_up X-Forwarded-Port ${port}
    header_up X-Forwarded-Scheme {http.request.scheme}
    header_up X-Scheme {http.request.scheme}
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }
}
`;
}
