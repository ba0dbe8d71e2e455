/** The table that a `postgres` sink writes: found and checked before anything is written, or made. */
import pg from 'pg';
import type { Column } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { SinkConfig } from '../sink.ts';
import { asSqlError, isLasting, type TargetConnection } from './connection.ts';
import { canHold, columnType, type TargetType } from './sinkTypes.ts';

/** What has to be known of the target's columns to write ours, in our order. */
export interface TargetTable {
  /** Quoted, with its schema. */
  readonly name: string;
  /** Quoted. */
  readonly columns: readonly string[];
  /** What texts are cast to: without modifiers, which an explicit cast would cut values to. */
  readonly casts: readonly string[];
  /** Whether we have made it just now. */
  readonly made: boolean;
}

const quoted = pg.escapeIdentifier;

export function tableName({ options }: SinkConfig): string {
  return `${quoted(options.get('schema') ?? 'public')}.${quoted(options.get('table') ?? '')}`;
}

const COLUMNS = `
SELECT a.attname, format_type(b.oid, -1), coalesce(e.typname, b.typname), coalesce(e.typtype, b.typtype)::text,
       (e.oid IS NOT NULL)::text, (a.attnotnull AND NOT a.atthasdef AND a.attidentity = '')::text, a.attgenerated::text,
       (a.attidentity = 'a')::text, format_type(a.atttypid, a.atttypmod)
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
LEFT JOIN pg_type e ON e.oid = b.typelem AND b.typcategory = 'A'
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum`;

/** Column names of each index that ON CONFLICT can be about. */
const UNIQUE = `
SELECT (SELECT string_agg(a.attname, ',' ORDER BY a.attname COLLATE "C")
        FROM unnest(i.indkey[0:i.indnkeyatts - 1]) k JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k)
FROM pg_index i
WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL`;

interface TargetColumn {
  readonly cast: string;
  readonly type: TargetType;
  readonly shown: string;
  readonly required: boolean;
  /** It is the target that gives its values. */
  readonly own: boolean;
}

async function columnsOf(
  connection: TargetConnection,
  relation: string,
): Promise<ReadonlyMap<string, TargetColumn>> {
  const { rows } = await connection.run(COLUMNS, [relation]);
  return new Map(
    rows.map(([name, cast, type, kind, isArray, required, generated, always, shown]) => [
      name ?? '',
      {
        cast: cast ?? '',
        type: { name: type ?? '', isArray: isArray === 'true', kind: kind ?? '' },
        shown: shown ?? '',
        required: required === 'true',
        own: generated !== '' || always === 'true',
      },
    ]),
  );
}

function missingColumn(column: Column, table: string): SqlError {
  return new SqlError('42703', `column "${column.name}" of relation ${table} does not exist in the target`, {
    hint: `Add it: ALTER TABLE ${table} ADD COLUMN ${quoted(column.name)} ${columnType(column.type)}. Or leave it out with the option columns.`,
  });
}

function checkColumns(
  config: SinkConfig,
  table: string,
  target: ReadonlyMap<string, TargetColumn>,
): readonly TargetColumn[] {
  const found = config.columns.map((column) => {
    const there = target.get(column.name);
    if (there === undefined) throw missingColumn(column, table);
    if (there.own) {
      throw new SqlError('428C9', `column "${column.name}" of the target ${table} is generated there`, {
        hint: 'Leave it out with the option columns.',
      });
    }
    if (!canHold(there.type, column.type)) {
      throw new SqlError(
        '42804',
        `column "${column.name}" of the target ${table} is of type ${there.shown} but the sink writes ${formatType(column.type)}`,
        { hint: `Make it ${columnType(column.type)}, or cast the column in the sink's query.` },
      );
    }
    return there;
  });
  const given = new Set(config.columns.map((c) => c.name));
  for (const [name, { required, own }] of target) {
    if (given.has(name) || !required || own) continue;
    throw new SqlError(
      '23502',
      `column "${name}" of the target ${table} needs a value, and the sink writes none`,
    );
  }
  return found;
}

async function checkKey(
  connection: TargetConnection,
  relation: string,
  table: string,
  names: readonly string[],
): Promise<void> {
  const { rows } = await connection.run(UNIQUE, [relation]);
  const wanted = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).join(',');
  if (rows.some(([columns]) => columns === wanted)) return;
  const shown = names.map(quoted).join(', ');
  throw new SqlError('42P10', `the target ${table} has no unique index on the sink's key (${shown})`, {
    hint: `Add one: ALTER TABLE ${table} ADD UNIQUE (${shown}).`,
  });
}

export function keyNames({ columns, key, format }: SinkConfig): readonly string[] | null {
  if (format === 'PLAIN' || key === null) return null;
  return key.flatMap((k) => columns[k]?.name ?? []);
}

function definition(config: SinkConfig): string {
  const keys = keyNames(config) ?? [];
  const columns = config.columns.map(
    ({ name, type, nullable }) => `${quoted(name)} ${columnType(type)}${nullable ? '' : ' NOT NULL'}`,
  );
  if (keys.length > 0) {
    const whole = config.columns.every((c) => !keys.includes(c.name) || !c.nullable);
    columns.push(`${whole ? 'PRIMARY KEY' : 'UNIQUE'} (${keys.map(quoted).join(', ')})`);
  }
  return `CREATE TABLE ${tableName(config)} (${columns.join(', ')})`;
}

async function make(connection: TargetConnection, config: SinkConfig): Promise<void> {
  try {
    await connection.script(definition(config));
  } catch (error) {
    throw isLasting(error) ? asSqlError(error) : error;
  }
}

async function find(connection: TargetConnection, config: SinkConfig) {
  const { rows } = await connection.run(
    `SELECT c.oid::text, c.relkind::text, has_table_privilege(c.oid, 'INSERT')::text,
            (has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE') AND has_table_privilege(c.oid, 'SELECT'))::text
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`,
    [config.options.get('schema') ?? 'public', config.options.get('table') ?? ''],
  );
  return rows[0] ?? null;
}

function checkRelation(config: SinkConfig, kind: string, inserts: boolean, changes: boolean): void {
  const table = tableName(config);
  const keyed = keyNames(config) !== null;
  if (!(keyed ? 'rp' : 'rpvf').includes(kind)) {
    throw new SqlError('42809', `the target ${table} is not a table`);
  }
  if (inserts && (changes || !keyed)) return;
  throw new SqlError('42501', `permission denied for the target ${table}`, {
    hint: `Run GRANT ${keyed ? 'SELECT, INSERT, UPDATE, DELETE' : 'INSERT'} ON ${table} TO ${quoted(config.options.get('user') ?? '')}.`,
  });
}

/** Finds and checks the target. `mayMake`: nothing has been delivered, so a table that is absent can be made if so desired. */
export async function openTable(
  connection: TargetConnection,
  config: SinkConfig,
  mayMake: boolean,
): Promise<TargetTable> {
  const name = tableName(config);
  let found = await find(connection, config);
  const made = found === null && mayMake && config.options.get('create.table') === 'true';
  if (made) {
    await make(connection, config);
    found = await find(connection, config);
  }
  if (found === null) {
    throw new SqlError('42P01', `the target ${name} does not exist`, {
      hint: `Create it, or use create.table = 'true'. It would be: ${definition(config)}`,
    });
  }
  const [relation, kind, inserts, changes] = found;
  checkRelation(config, kind ?? '', inserts === 'true', changes === 'true');
  const target = await columnsOf(connection, relation ?? '');
  const columns = checkColumns(config, name, target);
  const keys = keyNames(config);
  if (keys !== null) await checkKey(connection, relation ?? '', name, keys);
  return {
    name,
    columns: config.columns.map((c) => quoted(c.name)),
    casts: columns.map((c) => c.cast),
    made,
  };
}
