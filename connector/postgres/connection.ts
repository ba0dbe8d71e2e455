/**
 * A connection of a `postgres` sink or lookup table: how it is made from the options, and what its failures mean. What trying again may mend
 * is a plain Error; what it cannot is a SqlError (as long as nothing has been written) or a SinkRefusal.
 */
import pg from 'pg';
import { SqlError } from '../../common/sqlError.ts';
import { type SqlState, sqlStates } from '../../common/sqlStates.ts';
import { SinkRefusal } from '../sink.ts';
import { postgresTls, postgresTlsFailure } from './tls.ts';

type Options = ReadonlyMap<string, string>;

/** Longer than the server's own limit, for when the server does not answer any more. */
const ANSWER_MARGIN_MS = 5000;

/** So that what is sent means the same whatever the server's settings; and COMMIT is not answered before it is durable. */
const SETTINGS = `SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres';
SET standard_conforming_strings = on; SET client_min_messages = 'error';
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`;

/** Classes and codes that the same rows would bring again: data, constraints, definitions, rights. */
const LASTING = /^(0A|0L|0P|21|22|23|28|2B|38|39|3D|3F|42|44|P0)/;

interface Answer {
  readonly rows: readonly (readonly (string | null)[])[];
  readonly count: number;
}

/** What `pg` throws for an error that the server reports. */
export interface ServerError extends Error {
  readonly code: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  readonly where?: string | undefined;
  readonly constraint?: string | undefined;
  readonly column?: string | undefined;
}

export function isServerError(error: unknown): error is ServerError {
  return error instanceof Error && 'code' in error && /^[0-9A-Z]{5}$/.test(String(error.code));
}

/** Rows are text, whatever their types. */
const asText = { getTypeParser: () => (value: string) => value };

function placeOf(options: Options): string {
  return `${options.get('host') ?? ''}:${options.get('port') ?? ''}`;
}

export class TargetConnection {
  readonly #client: pg.Client;
  /** The first failure of the connection itself. */
  #lost: Error | null = null;

  constructor(client: pg.Client) {
    this.#client = client;
    // Without a listener it would end the process; whoever asks next is told.
    client.on('error', (error) => {
      this.#lost ??= error;
    });
  }

  /** Runs one statement. */
  async run(text: string, values: readonly (string | null)[] = []): Promise<Answer> {
    if (this.#lost !== null) throw this.#lost;
    const result = await this.#client.query<(string | null)[]>({
      text,
      values: [...values],
      rowMode: 'array',
      types: asText,
    });
    return { rows: result.rows, count: result.rowCount ?? 0 };
  }

  /** Runs statements without parameters, parted by semicolons. */
  async script(text: string): Promise<void> {
    if (this.#lost !== null) throw this.#lost;
    await this.#client.query(text);
  }

  /** Ends the connection without waiting for an answer that may never come. */
  async close(): Promise<void> {
    const ended = this.#client.end().catch(() => {});
    const waiting = this.#client as pg.Client & {
      readonly connection?: { readonly stream?: { destroy(): void } };
    };
    const timer = setTimeout(() => waiting.connection?.stream?.destroy(), 1000);
    await ended;
    clearTimeout(timer);
  }
}

async function attempt(options: Options, identity: string, ssl: pg.ClientConfig['ssl']) {
  const limit = Number(options.get('request.timeout.ms'));
  const client = new pg.Client({
    host: options.get('host') ?? '',
    port: Number(options.get('port')),
    user: options.get('user') ?? '',
    // Never the password of the environment.
    password: options.get('password') ?? '',
    database: options.get('database') ?? '',
    ssl: ssl ?? false,
    connectionTimeoutMillis: Number(options.get('connect.timeout.ms')),
    query_timeout: limit + ANSWER_MARGIN_MS,
    application_name: `millrace-${identity}`,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  const connection = new TargetConnection(client);
  try {
    await client.connect();
    await connection.script(`${SETTINGS}; SET statement_timeout = ${limit}`);
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** A connection with these settings; `identity` says over there whose it is. */
export async function connectTarget(options: Options, identity: string): Promise<TargetConnection> {
  const ssl = postgresTls(options, options.get('host') ?? '');
  try {
    return await attempt(options, identity, ssl);
  } catch (error) {
    const without = error instanceof Error && error.message.includes('does not support SSL');
    if (!without || options.get('ssl.mode') !== 'prefer') throw connectError(error, options);
  }
  try {
    return await attempt(options, identity, false);
  } catch (error) {
    throw connectError(error, options);
  }
}

function connectError(error: unknown, options: Options): Error {
  const place = placeOf(options);
  if (isServerError(error)) {
    if (LASTING.test(error.code)) return asSqlError(error);
    return new Error(`PostgreSQL at ${place} does not take connections: ${error.message} (${error.code})`);
  }
  const message =
    error instanceof Error ? error.message || String(Reflect.get(error, 'code')) : String(error);
  const handshake = postgresTlsFailure(error, `PostgreSQL at ${place}`, options);
  if (handshake !== null) return handshake;
  if (/password must be a string|SASL/.test(message)) {
    return new SqlError('28P01', `PostgreSQL at ${place} asks for a password`, {
      hint: 'Give the option password.',
    });
  }
  return new SqlError('08001', `could not connect to PostgreSQL at ${place}: ${message}`, {
    hint: 'Check host and port, and that the server runs and listens there.',
  });
}

function stateOf(code: string): SqlState {
  return Object.hasOwn(sqlStates, code) ? (code as SqlState) : '58030';
}

/** The target's own words, as an error of ours. */
export function asSqlError(error: ServerError): SqlError {
  return new SqlError(stateOf(error.code), error.message, {
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}

/** Whether the same statement would fail again. */
export function isLasting(error: unknown): error is ServerError {
  return isServerError(error) && LASTING.test(error.code);
}

/** What a failure while writing means for the sink. `row`: the one that it is about, where it does not say so itself. */
export function writeError(error: unknown, table: string, row: string | null): Error {
  if (!isServerError(error)) {
    return error instanceof Error ? error : new Error(String(error));
  }
  const detail = error.detail ?? row;
  const about = detail === null || detail === '' ? '' : `: ${detail}`;
  const message = `${table} refuses a change: ${error.message} (${error.code})${about}`;
  if (LASTING.test(error.code)) return new SinkRefusal(message);
  return new Error(`PostgreSQL: ${error.message} (${error.code})`);
}
