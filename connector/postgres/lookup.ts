/**
 * The `postgres-lookup` connector: rows of a table or view in PostgreSQL by key, one statement for many keys. Values travel as
 * text, which both sides read exactly. Of several rows with one key the first that comes is taken: a key is expected to be unique.
 */
import { must } from '../../common/assert.ts';
import type { Column } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatValue, parseValue, plainContext } from '../../common/textIo.ts';
import type { Row, Value } from '../../common/value.ts';
import type { LookupAnswer, LookupClient, LookupConfig, LookupConnector } from '../lookup.ts';
import { asSqlError, connectTarget, isServerError, type TargetConnection } from './connection.ts';
import { placeOptions } from './connectionOptions.ts';

const options = placeOptions('Who reads.', 'The table or view that is looked up.', {
  what: 'one look-up',
  millis: 10_000,
});

const plain = plainContext(() => 0n);

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A text[] as PostgreSQL reads it. */
function arrayText(values: readonly (string | null)[]): string {
  const items = values.map((v) => (v === null ? 'NULL' : `"${v.replace(/["\\]/g, '\\$&')}"`));
  return `{${items.join(',')}}`;
}

/** Types of the table's columns by name, as their server writes them. */
async function typesOf(connection: TargetConnection, config: LookupConfig): Promise<Map<string, string>> {
  const { options } = config;
  const [schema, table] = [options.get('schema') ?? '', options.get('table') ?? ''];
  const { rows } = await connection.run(
    `SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped`,
    [schema, table],
  );
  if (rows.length === 0) {
    throw new SqlError('42P01', `PostgreSQL has no relation "${schema}.${table}" to look rows up in`, {
      hint: 'Check the options schema, table and database, and that the user may see it.',
    });
  }
  return new Map(rows.map(([name, type]) => [name ?? '', type ?? '']));
}

function requireColumn(types: ReadonlyMap<string, string>, { name }: Column, config: LookupConfig): string {
  const type = types.get(name);
  if (type !== undefined) return type;
  throw new SqlError(
    '42703',
    `column "${name}" does not exist in "${config.options.get('table') ?? ''}" of PostgreSQL`,
    {
      hint: `It has ${[...types.keys()].join(', ')}.`,
    },
  );
}

class PostgresLookup implements LookupClient {
  readonly #connection: TargetConnection;
  readonly #config: LookupConfig;
  readonly #statement: string;

  constructor(connection: TargetConnection, config: LookupConfig, types: ReadonlyMap<string, string>) {
    this.#connection = connection;
    this.#config = config;
    const { columns, key, options } = config;
    const names = key.map((_, k) => `k${k}`);
    const found = columns.map((column) => {
      requireColumn(types, column, config);
      return `r.${quoted(column.name)}::text`;
    });
    const asked = key.map((_, k) => `$${k + 1}::text[]`);
    const matches = key.map((position, k) => {
      const column = must(columns[position]);
      return `r.${quoted(column.name)} = q.k${k}::${requireColumn(types, column, config)}`;
    });
    const relation = `${quoted(options.get('schema') ?? '')}.${quoted(options.get('table') ?? '')}`;
    this.#statement = `SELECT q.n::text, ${found.join(', ')} FROM unnest(${asked.join(', ')}) WITH ORDINALITY AS q (${names.join(', ')}, n) JOIN ${relation} AS r ON ${matches.join(' AND ')}`;
  }

  async fetch(keys: readonly Row[]): Promise<readonly LookupAnswer[]> {
    const { columns, key } = this.#config;
    const lists = key.map((position, k) =>
      arrayText(keys.map((row) => textOf(row[k] ?? null, must(columns[position])))),
    );
    const answers: LookupAnswer[] = keys.map(() => null);
    try {
      const { rows } = await this.#connection.run(this.#statement, lists);
      for (const [number, ...texts] of rows) {
        const at = Number(number) - 1;
        if (answers[at] === null) answers[at] = rowOf(texts, columns);
      }
    } catch (error) {
      throw isServerError(error) ? asSqlError(error) : error;
    }
    return answers;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

function textOf(value: Value, { type }: Column): string | null {
  return value === null ? null : formatValue(value, type, plain);
}

function rowOf(texts: readonly (string | null)[], columns: readonly Column[]): LookupAnswer {
  try {
    return columns.map(({ type }, c) => {
      const text = texts[c] ?? null;
      return text === null ? null : parseValue(text, type, plain);
    });
  } catch (error) {
    if (error instanceof SqlError) return error;
    throw error;
  }
}

export const postgresLookup: LookupConnector = {
  name: 'postgres-lookup',
  doc: 'Rows of a table or view in PostgreSQL, looked up by key for process-time joins.',
  options,
  async open(config) {
    const connection = await connectTarget(config.options, config.identity);
    try {
      return new PostgresLookup(connection, config, await typesOf(connection, config));
    } catch (error) {
      await connection.close();
      throw isServerError(error) ? asSqlError(error) : error;
    }
  },
};
