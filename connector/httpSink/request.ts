/**
 * Sending one body until it is taken: network failures, 408, 425, 429 and 5xx may pass and are tried again after a while, as
 * `Retry-After` says where it does; every other answer but 2xx is a refusal that repeating would not change.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { SqlError } from '../../common/sqlError.ts';
import { SinkRefusal } from '../sink.ts';
import type { HttpTarget } from './httpOptions.ts';

const FIRST_DELAY_MS = 200;
const LAST_DELAY_MS = 10_000;
/** What a server may ask for; beyond that the delivery is begun again when the server's own retries say so. */
const MOST_RETRY_AFTER_MS = 60_000;
/** Of a refusal's body, in messages. */
const SHOWN_BYTES = 300;

const zip = promisify(gzip);

interface Failure {
  readonly message: string;
  readonly retryAfterMillis: number | null;
}

const mayPass = (status: number): boolean =>
  status === 408 || status === 425 || status === 429 || status >= 500;

/** A time is meant by the server's own clock. */
function retryAfter(headers: Headers): number | null {
  const header = headers.get('retry-after');
  if (header === null) return null;
  const millis = /^\d+$/.test(header.trim())
    ? Number(header) * 1000
    : Date.parse(header) - Date.parse(headers.get('date') ?? '');
  return Number.isNaN(millis) ? null : Math.min(MOST_RETRY_AFTER_MS, Math.max(0, millis));
}

/** The beginning of an answer, in one line; the rest is not read. */
async function beginningOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return '';
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    while (length < SHOWN_BYTES) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      length += value.length;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
  const text = Buffer.concat(parts).subarray(0, SHOWN_BYTES).toString('utf8');
  return text.replace(/\s+/g, ' ').trim();
}

function networkFailure(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}

export class Sender {
  readonly #target: HttpTarget;
  /** Aborted when the writer is closed: nothing is waited for any more. */
  readonly #closed: AbortSignal;

  constructor(target: HttpTarget, closed: AbortSignal) {
    this.#target = target;
    this.#closed = closed;
  }

  /** Resolves when the server has taken the body. */
  async send(body: string, contentType: string, id: string): Promise<void> {
    const { retries, gzip: compressed } = this.#target;
    const bytes = compressed ? await zip(body) : Buffer.from(body);
    for (let attempt = 0; ; attempt++) {
      const failure = await this.#attempt(bytes, contentType, id);
      if (failure === null) return;
      if (attempt >= retries) throw new SqlError('08006', failure.message);
      const delay =
        failure.retryAfterMillis ?? Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt, 20));
      await sleep(delay, undefined, { signal: this.#closed });
    }
  }

  /** Null: it was taken. */
  async #attempt(body: Uint8Array, contentType: string, id: string): Promise<Failure | null> {
    const { url, method, headers, timeoutMillis, gzip: compressed } = this.#target;
    const where = `${url.origin}${url.pathname}`;
    const signal = AbortSignal.any([AbortSignal.timeout(timeoutMillis), this.#closed]);
    try {
      const response = await fetch(url, {
        method,
        body: new Uint8Array(body),
        redirect: 'manual',
        signal,
        headers: {
          'user-agent': 'millrace',
          ...headers,
          'content-type': contentType,
          'idempotency-key': id,
          ...(compressed ? { 'content-encoding': 'gzip' } : {}),
        },
      });
      if (response.ok) {
        await response.body?.cancel();
        return null;
      }
      const said = await beginningOf(response);
      const message = `${where} answered ${response.status}${said === '' ? '' : `: ${said}`}`;
      if (!mayPass(response.status)) throw new SinkRefusal(message);
      return { message, retryAfterMillis: retryAfter(response.headers) };
    } catch (error) {
      if (error instanceof SinkRefusal || this.#closed.aborted) throw error;
      return {
        message: `request to ${where} failed: ${networkFailure(error)}`,
        retryAfterMillis: null,
      };
    }
  }
}

/** 08001 unless something listens at the URL's host. */
export function checkReachable({ url }: HttpTarget, millis: number): Promise<void> {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port });
    const end = (why: string | null): void => {
      socket.destroy();
      if (why === null) {
        resolve();
        return;
      }
      reject(
        new SqlError('08001', `could not connect to ${url.host}`, {
          detail: why,
          hint: 'Check the option "url", and that the server runs and can be reached from here.',
        }),
      );
    };
    socket.setTimeout(millis, () => end(`no answer within ${millis / 1000} s`));
    socket.once('connect', () => end(null));
    socket.once('error', (error) => end(error.message || 'the connection was refused'));
  });
}
