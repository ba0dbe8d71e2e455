/** The HTTP side: health, and requests that bring rows. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpState {
  readonly ready: boolean;
  /** `ready`, or what the server is doing instead, such as `recovering 37 %`. */
  readonly status: string;
}

export interface HttpListener {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/** What answers requests below a path. */
export interface HttpRoute {
  readonly prefix: string;
  handle(request: IncomingMessage, response: ServerResponse): void;
}

/** Listens; rejects with the socket's error. */
export function listenHttp(
  host: string,
  port: number,
  state: () => HttpState,
  routes: readonly HttpRoute[] = [],
): Promise<HttpListener> {
  const server: Server = createServer((request, response) => {
    const route = routes.find(({ prefix }) => request.url?.startsWith(prefix));
    if (route !== undefined) {
      route.handle(request, response);
      return;
    }
    const respond = (status: number, body: string): void => {
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(`${body}\n`);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') respond(405, 'method not allowed');
    else if (request.url === '/healthz') respond(200, 'ok');
    else if (request.url === '/readyz') respond(state().ready ? 200 : 503, state().status);
    else respond(404, 'not found');
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      const address = server.address() as AddressInfo;
      resolve({
        host: address.address,
        port: address.port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}
