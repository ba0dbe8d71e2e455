/** The two databases behind one interface: rows as the text a client sees, errors as SQLSTATE, message and position. */
import pg from 'pg';
import { SqlError } from '../../common/sqlError.ts';
import { formatValue, plainContext } from '../../common/textIo.ts';
import { oidOf } from '../../common/typeTable.ts';
import type { Database } from '../../server/database.ts';
import { localSession } from '../../server/serve.ts';

export type TextRow = readonly (string | null)[];

export interface Failure {
  readonly state: string;
  readonly message: string;
  /** 1-based, null where the error has none. */
  readonly position: number | null;
  readonly hint: string | null;
  readonly detail: string | null;
}

export type Answer =
  /** `types`: the columns' type OIDs. */
  { readonly rows: readonly TextRow[]; readonly types: readonly number[] } | { readonly failure: Failure };

export interface Target {
  /** Runs one statement. */
  run(sql: string): Promise<Answer>;
  close(): Promise<void>;
}

const asText = { getTypeParser: () => (value: string) => value };

/** A connection to a server that speaks the Postgres protocol. */
export async function wireTarget(url: string): Promise<Target> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  return {
    async run(sql) {
      try {
        const result = await client.query({ text: sql, rowMode: 'array', types: asText });
        return { rows: result.rows as TextRow[], types: result.fields.map((f) => f.dataTypeID) };
      } catch (error) {
        if (!(error instanceof pg.DatabaseError)) throw error;
        return {
          failure: {
            state: error.code ?? '',
            message: error.message,
            position: error.position === undefined ? null : Number(error.position),
            hint: error.hint ?? null,
            detail: error.detail ?? null,
          },
        };
      }
    },
    close: () => client.end(),
  };
}

const text = plainContext(() => 0n);

/** A session of a database in this process. */
export function localTarget(database: Database): Target {
  const session = localSession(database);
  return {
    async run(sql) {
      try {
        const result = (await session.run(sql)).at(-1);
        const columns = result?.columns ?? [];
        const rows = (result?.rows ?? []).map((row) =>
          columns.map((c, i) => {
            const value = row[i] ?? null;
            return value === null ? null : formatValue(value, c.type, text);
          }),
        );
        return { rows, types: columns.map((c) => oidOf(c.type)) };
      } catch (error) {
        if (!(error instanceof SqlError)) {
          const shown = error instanceof Error ? (error.stack ?? error.message) : String(error);
          return { failure: { state: 'XX000', message: shown, position: null, hint: null, detail: null } };
        }
        return {
          failure: {
            state: error.state,
            message: error.message,
            position: error.position === undefined ? null : error.position + 1,
            hint: error.hint ?? null,
            detail: error.detail ?? null,
          },
        };
      }
    },
    close: () => session.close(),
  };
}

/** Rows of state of each materialised view's operators. */
export function stateRowsOf(database: Database): ReadonlyMap<string, number> {
  const rows = new Map<string, number>();
  for (const object of database.catalog.objects()) {
    if (object.kind !== 'materialized view') continue;
    let total = 0;
    for (const node of object.nodes) total += node.operator?.stateRows() ?? 0;
    rows.set(object.name, total);
  }
  return rows;
}
