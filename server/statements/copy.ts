/** COPY ... FROM STDIN and TO STDOUT. */
import { must } from '../../common/assert.ts';
import { castValue } from '../../common/cast.ts';
import { copyHeader, copyRowEncoder } from '../../common/copyEncode.ts';
import { CopyDecoder } from '../../common/copyFormat.ts';
import { type CopyOptions, copyOptions } from '../../common/copyOptions.ts';
import type { DataType } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { formatValue, parseValue } from '../../common/textIo.ts';
import type { Value } from '../../common/value.ts';
import type { Option } from '../../parser/ast/common.ts';
import type { Copy, Insert } from '../../parser/ast/statement.ts';
import { bindQuery } from '../../planner/bind/bind.ts';
import { bindInsert } from '../../planner/bind/dml.ts';
import { requireRelation } from '../catalog.ts';
import { insertRow } from '../ingest.ts';
import { checkHeap } from '../memory/heap.ts';
import type { TableObject } from '../objects.ts';
import { bindEnvironment } from '../planning.ts';
import { rowMaker, targetTable, writableTable } from './dml.ts';
import { resultColumns, runBound } from './select.ts';
import {
  done,
  type StatementContext,
  type StatementHandler,
  type StatementResult,
  splitName,
} from './statement.ts';

function optionsOf(options: readonly Option[], direction: 'from' | 'to'): CopyOptions {
  return copyOptions(
    options.map((o) => {
      const position = o.span.start;
      if (o.value.kind === 'secret') throw unsupported('SECRET', position);
      if (o.value.kind === 'boolean') return { name: o.name, value: o.value.value, position };
      const text = o.value.value;
      const list = o.name.startsWith('force_') && text !== '*';
      return { name: o.name, value: list ? text.split(',').map((c) => c.trim()) : text, position };
    }),
    direction,
  );
}

/** COPY t (a, b) fills the other columns as INSERT does. */
function insertShape(
  statement: Copy & { readonly source: { readonly kind: 'table' } },
  table: TableObject,
  context: StatementContext,
) {
  const asInsert: Insert = {
    kind: 'Insert',
    table: statement.source.table,
    alias: null,
    columns: statement.source.columns,
    source: null,
    onConflict: null,
    returning: [],
    span: statement.span,
  };
  const bound = bindInsert(asInsert, targetTable(table), bindEnvironment(context));
  const given = statement.source.columns;
  const visible = table.columns.flatMap((c, i) =>
    c.hidden === true || (given.length === 0 && c.generated !== null) ? [] : [i],
  );
  const targets =
    given.length === 0 ? visible : given.map((g) => table.columns.findIndex((c) => c.name === g.name));
  if (targets.includes(-1)) {
    const wrong = must(given[targets.indexOf(-1)]);
    throw new SqlError('42703', `column "${wrong.name}" of relation "${table.name}" does not exist`, {
      position: wrong.span.start,
    });
  }
  return { ...bound, targets };
}

/** A field as a value of the column: input conversion, then length and precision. */
function fieldValue(text: string, type: DataType, context: StatementContext): Value {
  const value = parseValue(text, type, context.eval);
  return value === null ? null : castValue(value, type, type, false, context.eval);
}

async function copyFrom(statement: Copy, context: StatementContext): Promise<StatementResult> {
  if (statement.source.kind !== 'table') throw unsupported('COPY query FROM', statement.span.start);
  context.requireWritable('COPY FROM');
  if (statement.endpoint.kind !== 'stdin')
    throw unsupported('COPY FROM a file', statement.span.start, 'Use COPY FROM STDIN, or a posix_fs source.');
  const table = writableTable(statement.source.table, 'copy to', context);
  const shape = insertShape({ ...statement, source: statement.source }, table, context);
  const options = optionsOf(statement.options, 'from');
  const columns = shape.targets.map((t) => must(table.columns[t]));
  const makeRow = rowMaker(shape, table, context);
  const writes = context.writes.of(table);
  const decoder = new CopyDecoder(options, { relation: table.name, columns: columns.map((c) => c.name) });
  const stream = must(context.sink, 'COPY needs a client').copyIn(columns.length);
  const restore = writes.snapshot();
  let count = 0;
  const take = (records: ReturnType<CopyDecoder['push']>): void => {
    for (const record of records) {
      let column = 0;
      try {
        const values = columns.map((c, i) => {
          column = i;
          const text = record.fields[i] ?? null;
          return text === null ? null : fieldValue(text, c.type, context);
        });
        column = -1;
        if (insertRow(context.database, writes, makeRow(values)) !== null) count++;
      } catch (error) {
        if (!(error instanceof SqlError) || column < 0) throw error;
        throw decoder.located(error, record, column);
      }
    }
  };
  try {
    for await (const chunk of stream) {
      checkHeap('writes of transactions');
      take(decoder.push(chunk));
    }
    take(decoder.end());
  } catch (error) {
    restore();
    throw error instanceof SqlError ? decoder.interrupted(error) : error;
  }
  return done(`COPY ${count}`);
}

function copyQuery(statement: Copy, context: StatementContext) {
  const env = bindEnvironment(context);
  if (statement.source.kind === 'query') return bindQuery(statement.source.query, env);
  const target = splitName(statement.source.table, context);
  const relation = requireRelation(
    context.database.catalog,
    target.schema,
    target.name,
    context.searchPath(),
    target.position,
  );
  if (relation.kind === 'view') {
    throw new SqlError('42809', `cannot copy from view "${relation.name}"`, {
      hint: 'Try the COPY (SELECT ...) TO variant.',
    });
  }
  const names =
    statement.source.columns.length > 0
      ? statement.source.columns.map((c) => c.name)
      : relation.columns.filter((c) => c.hidden !== true).map((c) => c.name);
  const missing = names.find((n) => !relation.columns.some((c) => c.name === n));
  if (missing !== undefined)
    throw new SqlError('42703', `column "${missing}" of relation "${relation.name}" does not exist`);
  const indexes = names.map((n) => relation.columns.findIndex((c) => c.name === n));
  const schema = indexes.map((i) => must(relation.columns[i]));
  return {
    plan: { kind: 'Scan' as const, relation: relation.entry, columns: indexes, schema },
    visible: schema.length,
    order: [],
    parameters: [],
    columns: schema,
  };
}

async function copyTo(statement: Copy, context: StatementContext): Promise<StatementResult> {
  if (statement.endpoint.kind !== 'stdout')
    throw unsupported('COPY TO a file', statement.span.start, 'Use COPY TO STDOUT.');
  const bound = copyQuery(statement, context);
  const options = optionsOf(statement.options, 'to');
  const columns = resultColumns(bound);
  const names = columns.map((c) => c.name);
  const encode = copyRowEncoder(options, names);
  const rows = runBound(bound, context);
  const sink = must(context.sink, 'COPY needs a client');
  sink.copyOut(columns.length);
  let text = options.header === false ? '' : copyHeader(options, names);
  for (const row of rows) {
    text += encode(
      columns.map((c, i) =>
        row[i] === null || row[i] === undefined ? null : formatValue(row[i], c.type, context.eval),
      ),
    );
    if (text.length < 65_536) continue;
    await sink.copyData(Buffer.from(text));
    text = '';
  }
  if (text !== '') await sink.copyData(Buffer.from(text));
  sink.copyDone();
  return done(`COPY ${rows.length}`);
}

export const copy: StatementHandler<Copy> = {
  run: (statement, context) =>
    statement.direction === 'from' ? copyFrom(statement, context) : copyTo(statement, context),
};
