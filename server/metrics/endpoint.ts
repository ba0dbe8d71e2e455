/** GET /metrics on the HTTP port: all metrics as text for Prometheus, read at the moment of the request. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Database } from '../database.ts';
import type { HttpRoute } from '../http.ts';
import { databaseMetrics } from './all.ts';
import { exposition } from './metric.ts';
import { ProcessFigures, processMetrics } from './process.ts';

const TEXT = 'text/plain; version=0.0.4; charset=utf-8';

export class MetricsEndpoint implements HttpRoute {
  readonly prefix = '/metrics';
  readonly #database: Database;
  readonly #process: ProcessFigures;
  readonly #onInternalError: (error: unknown) => void;

  constructor(database: Database, isReady: () => boolean, onInternalError: (error: unknown) => void) {
    this.#database = database;
    this.#process = new ProcessFigures(isReady);
    this.#onInternalError = onInternalError;
  }

  /** The text of one scrape. While the server starts, what it recovers is not looked at. */
  text(): string {
    const text = exposition(processMetrics, this.#process);
    this.#process.loop.reset();
    return this.#process.isReady() ? text + exposition(databaseMetrics, this.#database) : text;
  }

  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    const answer = (status: number, body: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': type });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    if (!/^\/metrics(\?|$)/.test(request.url ?? '')) answer(404, 'not found\n');
    else if (request.method !== 'GET' && request.method !== 'HEAD') answer(405, 'method not allowed\n');
    else {
      let text: string;
      try {
        text = this.text();
      } catch (error) {
        this.#onInternalError(error);
        answer(500, 'internal error\n');
        return;
      }
      answer(200, text, TEXT);
    }
  };

  close(): void {
    this.#process.close();
  }
}
