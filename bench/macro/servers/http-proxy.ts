/**
 * The baseline: what many people write with `http-proxy`.
 * Usage: `http-proxy.ts <port> <upstream port> [<certificate> <key> <ciphers>]`.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createRequire } from 'node:module';

/** The part of the package that is used here; it has no types of its own. */
interface HttpProxy {
  web(request: IncomingMessage, response: ServerResponse): void;
  on(event: 'error', listener: (error: Error, request: IncomingMessage, response: ServerResponse) => void): void;
}
interface HttpProxyPackage {
  createProxyServer(options: { readonly target: string; readonly agent: Agent }): HttpProxy;
}

const httpProxy = createRequire(import.meta.url)('http-proxy') as HttpProxyPackage;
const [port, upstreamPort, certFile = '', keyFile = '', ciphers = ''] = process.argv.slice(2);
const scheme = certFile === '' ? 'http' : 'https';
const proxy = httpProxy.createProxyServer({
  target: `http://127.0.0.1:${upstreamPort}`,
  agent: new Agent({ keepAlive: true, maxSockets: 256 }),
});
proxy.on('error', (_error, _request, response) => {
  response.writeHead(502).end();
});

function handle(request: IncomingMessage, response: ServerResponse): void {
  const { headers, socket } = request;
  headers['x-request-id'] ??= randomUUID();
  headers['x-real-ip'] = socket.remoteAddress;
  headers['x-forwarded-for'] = socket.remoteAddress;
  headers['x-forwarded-host'] = headers.host;
  headers['x-forwarded-port'] = port;
  headers['x-forwarded-proto'] = scheme;
  headers['x-forwarded-scheme'] = scheme;
  headers['x-scheme'] = scheme;
  proxy.web(request, response);
}

const server =
  scheme === 'http'
    ? createServer(handle)
    : createTlsServer({ cert: readFileSync(certFile), key: readFileSync(keyFile), ciphers }, handle);
server.listen(Number(port), '127.0.0.1');
