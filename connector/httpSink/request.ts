/**
 * Sending one body until it is taken: network failures, 408, 425, 429 and 5xx may pass and are tried again after a while, as
 * `Retry-After` says where it does; every other answer but 2xx is a refusal that repeating would not change. A certificate that
 * is not accepted, on either side, ends it at once. Connections are kept for the next request.
 */
import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { SqlError } from '../../common/sqlError.ts';
import { SinkRefusal } from '../sink.ts';
import { closedHint, serverNameFor, tlsFailure } from '../tls.ts';
import { type HttpTarget, httpTlsNames } from './httpOptions.ts';

const FIRST_DELAY_MS = 200;
const LAST_DELAY_MS = 10_000;
/** What a server may ask for; beyond that the delivery is begun again when the server's own retries say so. */
const MOST_RETRY_AFTER_MS = 60_000;
/** Of a refusal's body, in messages. */
const SHOWN_BYTES = 300;
/** How long the rest of an answer is waited for that says that the body was taken. */
const DRAIN_MS = 200;
/** So long a server may take to say that it does not accept the client's certificate (or the lack of one). */
const ACCEPT_MS = 500;

const zip = promisify(gzip);

interface Failure {
  readonly message: string;
  readonly retryAfterMillis: number | null;
}

const mayPass = (status: number): boolean =>
  status === 408 || status === 425 || status === 429 || status >= 500;

/** A time is meant by the server's own clock. */
function retryAfter({ headers }: IncomingMessage): number | null {
  const header = headers['retry-after'];
  if (header === undefined) return null;
  const millis = /^\d+$/.test(header.trim())
    ? Number(header) * 1000
    : Date.parse(header) - Date.parse(headers.date ?? '');
  return Number.isNaN(millis) ? null : Math.min(MOST_RETRY_AFTER_MS, Math.max(0, millis));
}

/** The beginning of an answer, in one line; the rest is not read. */
async function beginningOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  // Leaving the loop ends the connection.
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part);
    length += part.length;
    if (length >= SHOWN_BYTES) break;
  }
  const text = Buffer.concat(parts).subarray(0, SHOWN_BYTES).toString('utf8');
  return text.replace(/\s+/g, ' ').trim();
}

/** The rest of the answer is let go by, so that the connection is free again; one that goes on for long is cut off. */
function drained(response: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => response.destroy(), DRAIN_MS);
    response.on('error', () => {});
    response.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    response.resume();
  });
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  return cause.message || ('code' in cause ? String(cause.code) : cause.name);
}

const hostOf = ({ url }: HttpTarget): string => url.hostname.replace(/^\[|\]$/g, '');

function handshakeFailure(error: unknown, target: HttpTarget): SqlError | null {
  return target.tls === null ? null : tlsFailure(error, target.url.host, httpTlsNames, target.tls);
}

export class Sender {
  readonly #target: HttpTarget;
  /** Aborted when the writer is closed: nothing is waited for any more. */
  readonly #closed: AbortSignal;
  readonly #agent: HttpAgent;

  constructor(target: HttpTarget, closed: AbortSignal) {
    this.#target = target;
    this.#closed = closed;
    const kept = { keepAlive: true };
    this.#agent =
      target.tls === null
        ? new HttpAgent(kept)
        : new HttpsAgent({ ...kept, ...target.tls, ...serverNameFor(hostOf(target), target.tls) });
    closed.addEventListener('abort', () => this.#agent.destroy(), { once: true });
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
      const response = await this.#answer(body, {
        method,
        agent: this.#agent,
        signal,
        headers: {
          'user-agent': 'millrace',
          ...headers,
          'content-type': contentType,
          'content-length': body.byteLength,
          'idempotency-key': id,
          ...(compressed ? { 'content-encoding': 'gzip' } : {}),
        },
      });
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) {
        await drained(response);
        return null;
      }
      const said = await beginningOf(response);
      const message = `${where} answered ${status}${said === '' ? '' : `: ${said}`}`;
      if (!mayPass(status)) throw new SinkRefusal(message);
      return { message, retryAfterMillis: retryAfter(response) };
    } catch (error) {
      if (error instanceof SinkRefusal || this.#closed.aborted) throw error;
      const handshake = handshakeFailure(error, this.#target);
      if (handshake !== null) throw handshake;
      return { message: `request to ${where} failed: ${reasonOf(error)}`, retryAfterMillis: null };
    }
  }

  #answer(body: Uint8Array, options: RequestOptions): Promise<IncomingMessage> {
    const { url, tls } = this.#target;
    return new Promise((resolve, reject) => {
      const send = tls === null ? httpRequest : httpsRequest;
      const request = send(url, options, resolve);
      request.once('error', reject);
      // What goes wrong after the answer has begun is told by the answer.
      request.on('error', () => {});
      request.end(body);
    });
  }
}

/** 08001 unless something listens at the URL's host; with TLS, 08001 or 28000 unless both sides accept the other. */
export function checkReachable(target: HttpTarget, millis: number): Promise<void> {
  const { url, tls } = target;
  const host = hostOf(target);
  const port = url.port === '' ? (tls === null ? 80 : 443) : Number(url.port);
  return new Promise((resolve, reject) => {
    const socket: Socket =
      tls === null
        ? connect({ host, port })
        : connectTls({ host, port, ...tls, ...serverNameFor(host, tls) });
    let accepting: NodeJS.Timeout | undefined;
    const end = (error: SqlError | null): void => {
      clearTimeout(accepting);
      socket.destroy();
      if (error === null) resolve();
      else reject(error);
    };
    const unreachable = (why: string): SqlError =>
      new SqlError('08001', `could not connect to ${url.host}`, {
        detail: why,
        hint: `Check the option "url", and that the server runs and can be reached from here.${
          tls === null ? '' : ` ${closedHint(httpTlsNames, tls)}`
        }`,
      });
    socket.setTimeout(millis, () => end(unreachable(`no answer within ${millis / 1000} s`)));
    socket.once('error', (error) =>
      end(handshakeFailure(error, target) ?? unreachable(error.message || 'the connection was refused')),
    );
    if (tls === null) {
      socket.once('connect', () => end(null));
      return;
    }
    socket.once('close', () => end(unreachable('the server closed the connection after the handshake')));
    socket.once('secureConnect', () => {
      // In TLS 1.3 the server looks at the client's certificate last; its tickets, or its silence, mean that it goes on.
      if ((socket as TLSSocket).getProtocol() !== 'TLSv1.3') return end(null);
      socket.once('session', () => end(null)).resume();
      accepting = setTimeout(() => end(null), ACCEPT_MS);
    });
  });
}
