/** CREATE SINK ... INTO table, checked: the table, its columns that are written, key and mode. */
import { SqlError } from '../../common/sqlError.ts';
import { checkOptions } from '../../connector/options.ts';
import type { SinkConnector, SinkFormat } from '../../connector/sink.ts';
import type { CreateSink } from '../../parser/ast/streaming.ts';
import type { TableObject } from '../objects.ts';
import { optionValues } from '../secrets/optionValues.ts';
import type { SecretScope } from '../secrets/secrets.ts';
import { writableTable } from '../statements/dml.ts';
import type { StatementContext } from '../statements/statement.ts';
import {
  columnsOf,
  type DeclaredSink,
  optionNames,
  type SinkInput,
  type SinkOver,
  sinkOptions,
  sinkOver,
} from './declare.ts';
import { feedColumns } from './tableFeed.ts';

/** What such a sink has for a connector: nothing is opened, the server writes by itself (tableFeed.ts). */
const tableConnector: SinkConnector = {
  name: 'table',
  doc: 'A table of this database.',
  options: [],
  formats: ['PLAIN NATIVE', 'UPSERT NATIVE'],
  guarantee: 'exactly once',
  batching: () => ({ rows: 1, millis: 0 }),
  open: () => Promise.reject(new TypeError('a sink into a table has no writer')),
};

/** Options that make sense where the target is a table. */
const OPTIONS = ['connector', 'type', 'force_append_only', 'snapshot', 'columns'];

export function declaredInto(statement: CreateSink, secrets: SecretScope): DeclaredSink {
  const position = statement.span.start;
  if (statement.format !== null) {
    throw new SqlError('42601', 'FORMAT cannot be given for a sink into a table', {
      position: statement.format.span.start,
      hint: "Rows are written as they are. Use type = 'append-only' or 'upsert' to say how.",
    });
  }
  const options = optionValues(statement.options, secrets);
  const connector = options.get('connector');
  if (connector !== undefined && connector.toLowerCase() !== 'table') {
    throw new SqlError('42601', `a sink into a table has no connector "${connector}"`, { position });
  }
  const specs = sinkOptions
    .filter(({ name }) => OPTIONS.includes(name))
    .map((spec) => (spec.name === 'connector' ? { ...spec, required: false } : spec))
    .map((spec) => (spec.name === 'type' ? { ...spec, choices: ['append-only', 'upsert'] } : spec));
  const own = checkOptions({ name: 'table', options: specs }, options);
  const type = own.get('type');
  return {
    connector: tableConnector,
    options: new Map(),
    format: type === undefined ? null : type === 'upsert' ? 'UPSERT' : 'PLAIN',
    encode: 'NATIVE',
    encodeOptions: new Map(),
    primaryKey: null,
    columns: optionNames(own.get('columns')),
    force: own.get('force_append_only') === 'true',
    snapshot: own.get('snapshot') === 'true',
    rateLimit: null,
    backlogLimit: null,
    position,
  };
}

export interface SinkIntoTable extends SinkOver {
  /** Names of the table's columns that are written. */
  readonly targets: readonly string[];
}

/** The table that the statement names. */
export function targetOf(into: NonNullable<CreateSink['into']>, context: StatementContext): TableObject {
  return writableTable(into.table, 'sink into', context);
}

/** Checks that the relation's changes can be made in the table. */
export function sinkOverTable(
  declared: DeclaredSink,
  input: SinkInput,
  table: TableObject,
  into: NonNullable<CreateSink['into']>,
): SinkIntoTable {
  const position = into.table.span.start;
  const positions = columnsOf(declared, input);
  const targets = feedColumns(table, into.columns, positions.length, position);
  const format: SinkFormat = declared.format ?? (input.appendOnly || declared.force ? 'PLAIN' : 'UPSERT');
  if (format === 'PLAIN') return { ...sinkOver({ ...declared, format }, input), targets };
  if (table.rowId !== null) {
    throw new SqlError('42P16', `table "${table.name}" has no primary key, and "${input.name}" changes`, {
      position,
      detail: 'Rows that change or go could not be found in the table.',
      hint: "Give the table a primary key, or use force_append_only = 'true' to add rows only.",
    });
  }
  if (table.appendOnly) {
    throw new SqlError('42P16', `table "${table.name}" is append-only, and "${input.name}" changes`, {
      position,
      hint: "Use force_append_only = 'true' to add rows only.",
    });
  }
  return { ...overKey(input, table, positions, targets, position), targets };
}

/** Over a relation whose rows the table's primary key tells apart. */
function overKey(
  input: SinkInput,
  table: TableObject,
  positions: readonly number[],
  targets: readonly string[],
  position: number,
): SinkOver {
  const names = table.key.map((k) => table.columns[k]?.name ?? '');
  const missing = names.find((name) => !targets.includes(name));
  if (missing !== undefined) {
    throw new SqlError('42P16', `the sink does not write column "${missing}"`, {
      position,
      detail: `It is part of the primary key of table "${table.name}".`,
    });
  }
  const own = names.map((name) => targets.indexOf(name));
  const { key } = input;
  if (key?.every((k) => own.some((c) => positions[c] === k)) !== true) {
    const shown = key?.every((k) => input.columns[k]?.hidden !== true) === true;
    throw new SqlError(
      '42P16',
      `the primary key of table "${table.name}" does not tell the rows of "${input.name}" apart`,
      {
        position,
        detail: shown
          ? `Their key is (${key?.map((k) => input.columns[k]?.name).join(', ')}), which (${names.join(', ')}) must include.`
          : `"${input.name}" has no key among its columns.`,
        hint: "Use force_append_only = 'true' to add rows only, and let ON CONFLICT decide.",
      },
    );
  }
  return {
    columns: positions.flatMap((p) => input.columns[p] ?? []),
    positions,
    key: own,
    mode: 'changes',
    format: 'UPSERT',
  };
}
