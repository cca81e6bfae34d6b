/**
 * Configurations of the proxies we are compared with: one worker, no access log, keep-alive on both sides, and the request
 * fields that Sluice adds, as far as each can.
 */

export interface Route {
  readonly port: number;
  readonly upstreamPort: number;
}

export function sluiceConfiguration({ port, upstreamPort }: Route): string {
  return `listeners: [{ name: web, address: 127.0.0.1, port: ${port} }]
upstreams: { bench: { endpoints: [{ address: '127.0.0.1:${upstreamPort}' }] } }
routes: [{ upstream: bench }]
`;
}

/** @param directory for everything nginx would write to the system otherwise */
export function nginxConfiguration({ port, upstreamPort }: Route, directory: string): string {
  return `daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log ${directory}/nginx.log error;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  upstream bench { server 127.0.0.1:${upstreamPort}; keepalive 256; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port};
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
}
`;
}

export function haproxyConfiguration({ port, upstreamPort }: Route): string {
  return `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend web
  bind 127.0.0.1:${port}
  http-request set-header X-Request-ID %[uuid()]
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Scheme http
  http-request set-header X-Scheme http
  default_backend bench
backend bench
  server one 127.0.0.1:${upstreamPort} pool-max-conn 256
`;
}

export function caddyConfiguration({ port, upstreamPort }: Route): string {
  return `{
  admin off
  auto_https off
  log {
    level ERROR
  }
}
http://127.0.0.1:${port}, http://localhost:${port} {
  bind 127.0.0.1
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
