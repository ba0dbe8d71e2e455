/** What a statement binds to, in the words of `bindPostgres.txt`. */
import { must } from '../../../common/assert.ts';
import type { DataType, Schema } from '../../../common/dataType.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { plainContext } from '../../../common/textIo.ts';
import { formatType } from '../../../common/typeTable.ts';
import { functionCatalog } from '../../../executor/functions/index.ts';
import { parse } from '../../../parser/parse.ts';
import { type BindEnvironment, bindQuery } from '../../../planner/bind/bind.ts';
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

function bound(sql: string): readonly string[] {
  const { statement } = must(parse(sql)[0]);
  if (statement.kind !== 'SelectStatement') return ['NOT A QUERY'];
  const env = testEnvironment();
  const query = bindQuery(statement.query, env);
  return [...parameterLine(query.parameters), ...columnLines(query.columns)];
}

function errorLines(error: SqlError): readonly string[] {
  const at = error.position === undefined ? '' : ` at ${error.position + 1}`;
  return [
    `ERROR ${error.state}${at}: ${error.message}`,
    ...(error.detail === undefined ? [] : [`DETAIL: ${error.detail}`]),
    ...(error.hint === undefined ? [] : [`HINT: ${error.hint}`]),
  ];
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
