/**
 * POST /webhook/<database>/<schema>/<table>: who may, what it brings, and the answer. 200 only when the rows are durable; 429 and 503
 * (with Retry-After) when the server has more to do than it can hold, which is the back-pressure.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SqlError } from '../../common/sqlError.ts';
import type { Database } from '../database.ts';
import type { TableObject } from '../objects.ts';
import type { SourceRuntime } from '../sourceRuntime.ts';
import { signatureRefusal, tokenRefusal } from './access.ts';
import { bodyRecords, Refusal, readBody, unpack } from './body.ts';
import { IdempotencyKeys, LONGEST_KEY, type RunSql } from './keys.ts';
import { RowBudget } from './rowBudget.ts';
import { digestOf, writeRequest } from './write.ts';

export const WEBHOOK_PREFIX = '/webhook/';

/** Bytes of bodies that are held at the same time. */
const MOST_BYTES = 64 * 1024 * 1024;
const LATER = { 'retry-after': '1' };

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** 401, counted. */
function refused(
  source: SourceRuntime,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Refusal {
  source.refusedRequests++;
  return new Refusal(401, message, headers);
}

export class WebhookEndpoint {
  readonly #database: Database;
  readonly #keys: IdempotencyKeys;
  readonly #ready: () => boolean;
  readonly #onInternalError: (error: unknown) => void;
  readonly #budgets = new WeakMap<SourceRuntime, RowBudget>();
  #bytes = 0;

  constructor(
    database: Database,
    runSql: RunSql,
    ready: () => boolean,
    onInternalError: (error: unknown) => void,
  ) {
    this.#database = database;
    this.#keys = new IdempotencyKeys(database, runSql);
    this.#ready = ready;
    this.#onInternalError = onInternalError;
  }

  /** Never throws: what goes wrong is an answer. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: Answer;
    try {
      answer = await this.#answer(request);
    } catch (error) {
      answer = this.#failure(error);
    }
    const { status, body, headers = {} } = answer;
    if (response.destroyed || response.headersSent) return;
    // A body that nobody wants to read ends with the connection.
    const unread = !request.complete ? { connection: 'close' } : {};
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...unread, ...headers });
    response.end(`${JSON.stringify(body)}\n`);
  }

  #failure(error: unknown): Answer {
    if (error instanceof Refusal) {
      return { status: error.status, body: { error: error.message }, headers: error.headers };
    }
    if (error instanceof SqlError) {
      // The disk takes nothing: rows may be in views already, and a key lets the client try again all the same.
      const isOurs = /^(53|58|57)/.test(error.state);
      const body = { error: error.message, sqlstate: error.state };
      return isOurs ? { status: 503, body, headers: LATER } : { status: 422, body };
    }
    if (error instanceof Error && 'code' in error && error.code === 'ECONNRESET') {
      return { status: 400, body: { error: 'the request was broken off' } };
    }
    this.#onInternalError(error);
    return { status: 500, body: { error: 'internal error' } };
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    if (request.method !== 'POST') throw new Refusal(405, 'only POST is allowed', { allow: 'POST' });
    if (!this.#ready()) throw new Refusal(503, 'the server is starting up', LATER);
    const { table, source } = this.#target(request.url ?? '');
    const { options } = source.config;
    const { headers } = request;
    const noToken = tokenRefusal(options, headers);
    if (noToken !== null) throw refused(source, noToken, { 'www-authenticate': 'Bearer' });
    this.#checkCapacity(source);
    const limit = Number(options.get('max.body.bytes'));
    let held = 0;
    const hold = (bytes: number): void => {
      if (this.#bytes + bytes > MOST_BYTES)
        throw new Refusal(429, 'too many requests at the same time', LATER);
      this.#bytes += bytes;
      held += bytes;
    };
    try {
      const body = await readBody(request, limit, hold);
      const now = Number(this.#database.environment.serverClock.system() / 1_000_000n);
      const unsigned = signatureRefusal(options, headers, body, now);
      if (unsigned !== null) throw refused(source, unsigned);
      const invalid = source.validation?.refusal({ headers, body }) ?? null;
      if (invalid !== null) throw refused(source, invalid);
      const plain = await unpack(body, headers['content-encoding'], limit);
      if (plain !== body) hold(plain.length);
      return await this.#write(table, source, plain, request);
    } finally {
      this.#bytes -= held;
    }
  }

  async #write(
    table: TableObject,
    source: SourceRuntime,
    body: Buffer,
    { headers }: IncomingMessage,
  ): Promise<Answer> {
    const key = keyOf(headers['idempotency-key']);
    const records = bodyRecords(body, headers['content-type']);
    if (records.length > 0 && records.every(({ error }) => error !== null)) {
      throw new Refusal(400, `no record of the body is a JSON object: ${records[0]?.error?.message ?? ''}`);
    }
    this.#takeBudget(source, records.length);
    const digest = digestOf(body);
    const bytes = body.length;
    const result = await writeRequest(this.#database, this.#keys, {
      table,
      source,
      records,
      bytes,
      digest,
      key,
    });
    if (key !== null) this.#keys.thin().catch(this.#onInternalError);
    const { accepted, rejected, errors, repeated } = result;
    return {
      status: 200,
      body: { accepted, rejected, ...(errors.length > 0 && { errors }), ...(repeated && { repeated }) },
    };
  }

  /** The table that the path names. 404: there is none that takes requests. */
  #target(url: string): { readonly table: TableObject; readonly source: SourceRuntime } {
    const path = url.split('?', 1)[0] ?? '';
    let parts: readonly string[];
    try {
      parts = path.slice(WEBHOOK_PREFIX.length).split('/').map(decodeURIComponent);
    } catch {
      throw new Refusal(404, 'the path is not well-formed');
    }
    const [database, schema, name] = parts;
    if (parts.length !== 3 || schema === undefined || name === undefined) {
      throw new Refusal(404, 'the path is /webhook/<database>/<schema>/<table>');
    }
    const { catalog } = this.#database;
    const object = database === catalog.database ? catalog.find(schema, name, []) : null;
    if (object?.kind === 'table' && object.source?.connector.name === 'webhook') {
      return { table: object, source: object.source };
    }
    throw new Refusal(404, 'there is no such table with connector webhook');
  }

  #checkCapacity(source: SourceRuntime): void {
    if (this.#bytes >= MOST_BYTES) throw new Refusal(429, 'too many requests at the same time', LATER);
    if (this.#database.journal?.ready() === false) {
      throw new Refusal(503, 'the disk takes nothing at the moment', LATER);
    }
    const { paused } = source;
    if (paused === null) return;
    const why = paused.error === null ? '' : `: ${paused.error.message}`;
    throw new Refusal(503, `the table is paused${why}`, { 'retry-after': '10' });
  }

  /** source_rate_limit, in rows a second. */
  #takeBudget(source: SourceRuntime, rows: number): void {
    if (source.limit === null) return;
    const budget =
      this.#budgets.get(source) ?? new RowBudget(() => this.#database.environment.serverClock.system());
    this.#budgets.set(source, budget);
    const seconds = budget.take(rows, source.limit);
    if (seconds === null) return;
    throw new Refusal(429, 'the rate limit of the table is reached', { 'retry-after': String(seconds) });
  }
}

function keyOf(header: string | string[] | undefined): string | null {
  const key = typeof header === 'string' ? header.trim() : header?.[0];
  if (key === undefined) return null;
  if (key === '' || key.length > LONGEST_KEY) {
    throw new Refusal(400, `the header Idempotency-Key must have 1 to ${LONGEST_KEY} characters`);
  }
  return key;
}
