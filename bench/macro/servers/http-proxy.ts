/** The baseline: what many people write with `http-proxy`. Usage: `http-proxy.ts <port> <upstream port>`. */
import { randomUUID } from 'node:crypto';
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
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
const [port, upstreamPort] = process.argv.slice(2);
const proxy = httpProxy.createProxyServer({
  target: `http://127.0.0.1:${upstreamPort}`,
  agent: new Agent({ keepAlive: true, maxSockets: 256 }),
});
proxy.on('error', (_error, _request, response) => {
  response.writeHead(502).end();
});
const server = createServer((request, response) => {
  const { headers, socket } = request;
  headers['x-request-id'] ??= randomUUID();
  headers['x-real-ip'] = socket.remoteAddress;
  headers['x-forwarded-for'] = socket.remoteAddress;
  headers['x-forwarded-host'] = headers.host;
  headers['x-forwarded-port'] = port;
  headers['x-forwarded-proto'] = 'http';
  headers['x-forwarded-scheme'] = 'http';
  headers['x-scheme'] = 'http';
  proxy.web(request, response);
});
server.listen(Number(port), '127.0.0.1');
