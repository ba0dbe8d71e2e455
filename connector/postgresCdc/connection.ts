/**
 * Connections to the PostgreSQL server whose changes are followed, and its errors as ours. Values come as the text that the
 * server writes, in the one form that Millrace reads (ISO dates, UTC, hexadecimal bytea). No error carries a password.
 */
import pg from 'pg';
import { SqlError, type SqlErrorFields } from '../../common/sqlError.ts';
import { type SqlState, sqlStates } from '../../common/sqlStates.ts';
import { postgresTls, postgresTlsFailure } from '../postgres/tls.ts';
import type { PostgresCdcOptions } from './options.ts';

export type UpstreamRow = readonly (string | null)[];

const asText = { getTypeParser: () => (text: string) => text };

/** How values are written; part of the startup message, so that it holds for walsenders too. */
const SESSION =
  '-c datestyle=ISO,YMD -c intervalstyle=postgres -c timezone=UTC -c extra_float_digits=1 -c bytea_output=hex';

export function isState(code: string): code is SqlState {
  return code in sqlStates;
}

function shownAddress({ host, port }: PostgresCdcOptions): string {
  return `${host}:${port}`;
}

/** What to do about errors that an operator can set right. */
const hints: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [
    /must be superuser or replication role|permission denied to (start WAL sender|use replication slots)/,
    'Give the role the right: ALTER ROLE ... REPLICATION (on managed servers: grant it the role for replication).',
  ],
  [/all replication slots are in use/, 'Raise max_replication_slots, or drop slots that nobody uses.'],
  [/number of requested standby connections exceeds/, 'Raise max_wal_senders.'],
  [
    /must be owner of (table|relation)/,
    "Let the owner add the table: ALTER PUBLICATION ... ADD TABLE ..., with publication.create.enable = 'false'; or make the role its owner.",
  ],
  [
    /permission denied for database/,
    "GRANT CREATE ON DATABASE to the role, or let an administrator make the publication and give publication.create.enable = 'false'.",
  ],
  [
    /no pg_hba.conf entry/,
    "Allow the connection in the server's pg_hba.conf; replication of a database is matched by the database's name.",
  ],
];

function hintOf(message: string): SqlErrorFields {
  const hint = hints.find(([pattern]) => pattern.test(message))?.[1];
  return hint === undefined ? {} : { hint };
}

/** An error of the server or of the way to it, as ours. */
export function upstreamError(error: unknown, options: PostgresCdcOptions): SqlError {
  if (error instanceof SqlError) return error;
  const address = shownAddress(options);
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? '';
    // What is used by a connection that is ending, or waits for a lock, is free after a while.
    const state = /^(55006|55P03)$/.test(code) ? '57P03' : isState(code) ? code : '08006';
    const fields = hintOf(error.message);
    const detail = error.detail ?? undefined;
    const hint = fields.hint ?? error.hint ?? undefined;
    return new SqlError(state, `PostgreSQL at ${address}: ${error.message}`, {
      ...(detail === undefined ? {} : { detail }),
      ...(hint === undefined ? {} : { hint }),
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (
    /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)$/.test(code) ||
    /timeout expired/.test(message)
  ) {
    return new SqlError('08001', `could not connect to PostgreSQL at ${address}: ${message || code}`, {
      hint: 'Check hostname and port, that the server runs, and that it listens on that address.',
    });
  }
  const handshake = postgresTlsFailure(
    error,
    `PostgreSQL at ${address}`,
    new Map(Object.entries(options.tls)),
  );
  if (handshake !== null) return handshake;
  return new SqlError('08006', `connection to PostgreSQL at ${address}: ${message}`);
}

/** Opens a connection; `replication`: one that knows the commands of replication too. */
export async function connectClient(options: PostgresCdcOptions, replication = false): Promise<pg.Client> {
  const tls = new Map(Object.entries(options.tls));
  const config: pg.ClientConfig & { readonly replication?: string } = {
    host: options.host,
    port: options.port,
    user: options.user,
    password: options.password ?? '',
    database: options.database,
    ssl: postgresTls(tls, options.host),
    connectionTimeoutMillis: options.connectMillis,
    keepAlive: true,
    application_name: 'millrace',
    options: SESSION,
    types: asText,
    ...(replication ? { replication: 'database' } : {}),
  };
  const client = new pg.Client(config);
  // What breaks between two requests is told by the next.
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    client.end().catch(() => {});
    throw upstreamError(error, options);
  }
}

/** A connection for statements: rows as text, errors as ours, each within `request.timeout.ms`. */
export class UpstreamConnection {
  readonly #client: pg.Client;
  readonly #options: PostgresCdcOptions;

  constructor(client: pg.Client, options: PostgresCdcOptions) {
    this.#client = client;
    this.#options = options;
  }

  static async open(options: PostgresCdcOptions, replication = false): Promise<UpstreamConnection> {
    return new UpstreamConnection(await connectClient(options, replication), options);
  }

  /** Rows of a statement; `millis`: how long it may take. Parameters are not available: see `literal`. */
  async rows(sql: string, millis = this.#options.requestMillis): Promise<readonly UpstreamRow[]> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.destroy();
        reject(
          new SqlError(
            '08006',
            `PostgreSQL at ${shownAddress(this.#options)} has not answered for ${millis} ms`,
          ),
        );
      }, millis);
    });
    try {
      const query = this.#client.query({ text: sql, rowMode: 'array', types: asText });
      query.catch(() => {});
      const result: unknown = await Promise.race([query, late]);
      const last = Array.isArray(result) ? result.at(-1) : result;
      return (last as { readonly rows: readonly UpstreamRow[] }).rows;
    } catch (error) {
      throw upstreamError(error, this.#options);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Breaks the connection off. */
  destroy(): void {
    streamOf(this.#client).destroy();
  }

  async close(): Promise<void> {
    await endClient(this.#client);
  }
}

/** Ends a connection; one that does not answer is broken off. */
export async function endClient(client: pg.Client): Promise<void> {
  const timer = setTimeout(() => streamOf(client).destroy(), 1000);
  await client.end().catch(() => {});
  clearTimeout(timer);
}

/** What pg's client keeps of its connection, as far as the stream of changes needs it. */
export interface RawConnection {
  readonly stream: { pause(): void; resume(): void; destroy(): void };
  on(event: 'copyData', listener: (message: { readonly chunk: Buffer }) => void): void;
  once(event: 'replicationStart', listener: () => void): void;
  sendCopyFromChunk(chunk: Buffer): void;
}

export function rawConnection(client: pg.Client): RawConnection {
  return (client as unknown as { readonly connection: RawConnection }).connection;
}

function streamOf(client: pg.Client): RawConnection['stream'] {
  return rawConnection(client).stream;
}

export const literal = (text: string): string => pg.escapeLiteral(text);
export const identifier = (name: string): string => pg.escapeIdentifier(name);
