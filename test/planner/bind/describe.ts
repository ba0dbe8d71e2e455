/** What a statement binds to, in the words of `bindPostgres.txt`. */
import { must } from '../../../common/assert.ts';
import type { DataType, Schema } from '../../../common/dataType.ts';
import { SqlError, unsupported } from '../../../common/sqlError.ts';
import { plainContext } from '../../../common/textIo.ts';
import { formatType } from '../../../common/typeTable.ts';
import { functionCatalog } from '../../../executor/functions/index.ts';
import type { ObjectName } from '../../../parser/ast/common.ts';
import type { Statement } from '../../../parser/ast/statement.ts';
import { parse } from '../../../parser/parse.ts';
import { type BindEnvironment, bindQuery } from '../../../planner/bind/bind.ts';
import {
  type BoundChange,
  type BoundInsert,
  bindDelete,
  bindInsert,
  bindUpdate,
  type TargetTable,
} from '../../../planner/bind/dml.ts';
import { missingRelation } from '../../../planner/bind/from.ts';
import { memoryCatalog, relations } from './memoryCatalog.ts';

export function testEnvironment(): BindEnvironment {
  return {
    catalog: memoryCatalog(relations),
    functions: functionCatalog,
    searchPath: ['public'],
    text: plainContext(() => 0n),
    parameterTypes: [],
  };
}

function columnLines(columns: Schema): readonly string[] {
  return columns.map((c) => `${c.name} ${formatType(c.type)}`);
}

function parameterLine(parameters: readonly DataType[]): readonly string[] {
  return parameters.length === 0 ? [] : [`PARAMETERS ${parameters.map(formatType).join(', ')}`];
}

/** The table that a DML statement names, with neither defaults nor generated columns. */
function target(name: ObjectName, env: BindEnvironment): TargetTable {
  const relationName = must(name.parts.at(-1)).name;
  const entry = env.catalog.relation(null, relationName, env.searchPath);
  if (entry === null) throw missingRelation(null, relationName, name.span.start, env);
  return { entry, defaults: entry.columns.map(() => null), generated: entry.columns.map(() => null) };
}

interface Bound {
  readonly parameters: readonly DataType[];
  readonly columns: Schema;
}

function bind(statement: Statement, env: BindEnvironment): Bound {
  const changed = (bound: BoundInsert | BoundChange): Bound => ({
    parameters: bound.parameters,
    columns: bound.returning?.columns ?? [],
  });
  switch (statement.kind) {
    case 'SelectStatement':
      return bindQuery(statement.query, env);
    case 'Insert':
      return changed(bindInsert(statement, target(statement.table, env), env));
    case 'Update':
      return changed(bindUpdate(statement, target(statement.table, env), env));
    case 'Delete':
      return changed(bindDelete(statement, target(statement.table, env), env));
    default:
      throw unsupported(statement.kind);
  }
}

function bound(sql: string): readonly string[] {
  const { statement } = must(parse(sql)[0]);
  const { parameters, columns } = bind(statement, testEnvironment());
  return [...parameterLine(parameters), ...(columns.length === 0 ? ['OK'] : columnLines(columns))];
}

function errorLines(error: SqlError): readonly string[] {
  const at = error.position === undefined ? '' : ` at ${error.position + 1}`;
  return [
    `ERROR ${error.state}${at}: ${error.message}`,
    ...(error.detail === undefined ? [] : [`DETAIL: ${error.detail}`]),
    ...(error.hint === undefined ? [] : [`HINT: ${error.hint}`]),
  ];
}

/**
 * True when `ours` says what `postgres` says. Positions and hints may be more than PostgreSQL gives.
 */
export function agrees(ours: string, postgres: string): boolean {
  if (ours === postgres) return true;
  if (!postgres.startsWith('ERROR')) return false;
  const plain = (text: string): string => text.replace(/^(ERROR \S+) at \d+:/, '$1:');
  const placed = / at \d+:/.test(postgres) ? ours : plain(ours);
  return (
    placed === postgres ||
    placed.startsWith(`${postgres}\nHINT:`) ||
    (postgres.includes('HINT:') && placed.startsWith(`${postgres} `))
  );
}

/** Result types and parameter types of a statement, or its error. */
export function describeStatement(sql: string): string {
  try {
    return bound(sql).join('\n');
  } catch (error) {
    if (error instanceof SqlError) return errorLines(error).join('\n');
    throw error;
  }
}
