/** The generated pages of the SQL reference, as text: functions from the registry, sources from the connectors. */
import type { ResultType, ScalarFunction, SqlFunction, TypePattern } from '../common/function.ts';
import { formatType } from '../common/typeTable.ts';
import type { OptionSpec, SourceConnector } from '../connector/connector.ts';
import { encodes } from '../connector/formats/encodes.ts';
import { sourceConnectors } from '../connector/index.ts';
import type { IncludeField } from '../connector/remote.ts';
import { functionCatalog } from '../executor/functions/index.ts';
import { letterOptions } from '../server/deadLetters/letterOptions.ts';
import { ttlOptions, watermarkOptions } from '../server/time/timeOptions.ts';
import { remoteSections } from './remotePages.ts';

const longNames: ReadonlyMap<string, string> = new Map([
  ['bool', 'boolean'],
  ['int2', 'smallint'],
  ['int4', 'integer'],
  ['int8', 'bigint'],
  ['float4', 'real'],
  ['float8', 'double precision'],
  ['bpchar', 'character'],
]);

function typeName(pattern: TypePattern): string {
  const element = pattern.endsWith('[]') ? pattern.slice(0, -2) : pattern;
  return `${longNames.get(element) ?? element}${pattern.endsWith('[]') ? '[]' : ''}`;
}

function resultName(result: ResultType): string {
  return typeof result === 'function' ? 'as the arguments' : typeName(result);
}

/** Text within a cell of a Markdown table. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** Code within a cell: the fence is longer than any run of backticks in it. */
function code(text: string): string {
  return text.includes('`') ? `\`\` ${cell(text)} \`\`` : `\`${cell(text)}\``;
}

function argumentList(f: SqlFunction): string {
  const names = f.args.map(typeName);
  const last = names.length - 1;
  if ('variadic' in f && f.variadic === true) names[last] = `${names[last] ?? ''} ...`;
  if (f.kind !== 'window') return names.join(', ');
  const required = names.slice(0, f.required).join(', ');
  const optional = names.slice(f.required).map((n, i) => ` [${i + f.required > 0 ? ', ' : ''}${n}`);
  return `${required}${optional.join('').trimStart()}${']'.repeat(optional.length)}`;
}

function signature(f: SqlFunction): string {
  if (f.kind === 'aggregate' && f.args.length === 0) return `${f.name}(*)`;
  return `${f.name}(${argumentList(f)})`;
}

function operatorForm(f: ScalarFunction): string {
  const [left, right] = f.args.map(typeName);
  return f.args.length === 1
    ? `${f.operator ?? ''} ${left ?? ''}`
    : `${left ?? ''} ${f.operator ?? ''} ${right ?? ''}`;
}

function resultOf(f: SqlFunction): string {
  if (f.kind !== 'table') return resultName(f.returns);
  // A polymorphic function's columns depend on its arguments; integers stand in for them.
  const columns = tableColumns(f);
  return columns === null ? 'as the arguments' : `table(${columns})`;
}

function tableColumns(f: SqlFunction & { readonly kind: 'table' }): string | null {
  if (f.args.some((a) => a.startsWith('any') || a.startsWith('record'))) return null;
  const args = f.args.map((a) =>
    a.endsWith('[]') ? { id: 'array' as const, element: { id: a.slice(0, -2) } } : { id: a },
  );
  return f
    .columns(args as unknown as Parameters<typeof f.columns>[0])
    .map((c) => `${c.name} ${formatType(c.type)}`)
    .join(', ');
}

function exampleOf(f: SqlFunction): string {
  const [first] = f.examples;
  if (first === undefined) return '';
  const [sql, result] = first;
  const shown = typeof result === 'string' ? result : result.join(', ');
  return `${code(sql)} → ${shown === '' ? '(empty)' : code(shown)}`;
}

function row(f: SqlFunction, form: string): string {
  return `| ${code(form)} | ${cell(resultOf(f))} | ${cell(f.doc)} | ${exampleOf(f)} |`;
}

const head = '| form | result | meaning | example |\n|---|---|---|---|';

function section(title: string, functions: readonly SqlFunction[], form: (f: SqlFunction) => string): string {
  const rows = functions.map((f) => [form(f), row(f, form(f))] as const);
  rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `## ${title}\n\n${head}\n${rows.map(([, text]) => text).join('\n')}\n`;
}

/** docs/sql/functions.md. */
export function functionsPage(): string {
  const all = functionCatalog.all();
  const scalars = all.filter((f) => f.kind === 'scalar');
  const operators = scalars.filter((f) => f.operator !== undefined);
  const named = scalars.filter((f) => f.operator === undefined);
  return [
    '# Functions and operators',
    'Written from the function registry by `scripts/writeReference.ts`; the examples are run as tests. Besides these there are the forms of the grammar: `CASE`, `COALESCE`, `NULLIF`, `GREATEST`, `LEAST`, `IN`, `BETWEEN`, `IS`, `ANY`, `ALL`, `EXISTS`, `CAST`, and `array_transform(array, |x| expression)`: the array of the expression over each element, in order.',
    section('Operators', operators, (f) => (f.kind === 'scalar' ? operatorForm(f) : '')),
    section('Scalar functions', named, signature),
    section(
      'Aggregates',
      all.filter((f) => f.kind === 'aggregate'),
      signature,
    ),
    section(
      'Window functions',
      all.filter((f) => f.kind === 'window'),
      signature,
    ),
    'Every aggregate is a window function too.\n',
    section(
      'Table functions',
      all.filter((f) => f.kind === 'table'),
      signature,
    ),
  ]
    .join('\n\n')
    .replace(/\n{3,}/g, '\n\n');
}

function optionRow(option: OptionSpec): string {
  const choices = option.choices === undefined ? '' : ` (${option.choices.join(', ')})`;
  const secret = option.secret === true ? ', [secret](../connectors/secrets.md)' : '';
  const standard =
    option.required === true ? 'required' : option.default === undefined ? '' : code(option.default);
  return `| ${code(option.name)} | ${option.type}${choices}${secret} | ${cell(standard)} | ${cell(option.doc)} |`;
}

/** What INCLUDE can name, as a sentence after others. */
export function includeText(include: readonly IncludeField[]): string {
  if (include.length === 0) return '';
  return ` INCLUDE: ${include.map(({ name, doc }) => `\`${name}\`${doc === '' ? '' : ` (${doc})`}`).join(', ')}.`;
}

function connectorSection(connector: SourceConnector): string {
  const fixed = connector.fixedColumns(new Map());
  const columns =
    connector.columnsDoc ??
    (fixed === null
      ? `Columns are declared in \`${connector.tablesOnly === true ? 'CREATE TABLE' : 'CREATE SOURCE'}\`.`
      : 'Columns need not be declared: the source has its own.');
  return [
    `## ${connector.name}`,
    `${connector.doc} ${columns} ${connector.appendOnly ? 'Rows are only ever added.' : 'Rows may change.'}`,
    `Formats: ${connector.formats.map((f) => (f === 'NATIVE' ? 'none (no FORMAT clause)' : `\`${f}\``)).join(', ')}.${includeText(connector.include ?? [])}`,
    optionTable(connector.options),
  ].join('\n\n');
}

export const optionTable = (options: readonly OptionSpec[]): string =>
  `| option | type | default | meaning |\n|---|---|---|---|\n${options.map(optionRow).join('\n')}`;

/** Options that are the relation's own, whatever its connector. */
function timeSection(): string {
  return [
    '## Options of every source and table',
    'With `WATERMARK FOR column AS expression` (see [time](../time.md)):',
    optionTable(watermarkOptions),
    'Of tables, with a connector or without:',
    optionTable(ttlOptions),
    'A table whose rows expire takes them back from its views, so it is not append-only for them, and its watermark is not handed on to views. `WATERMARK FOR column AS expression WITH TTL` on any table lets rows expire when `column` falls below the watermark.',
    'Columns may be generated: `c type AS expression` is computed when the row comes, and `AS proctime()` gives the time at which it came. A connector with columns of its own takes them where `*` stands in the column list, and when all columns of the list are generated.',
  ].join('\n\n');
}

/** What becomes of records that cannot be used. */
function badRecordSection(): string {
  return [
    '## Bad records',
    'A record that cannot be decoded, or whose row the table refuses, is counted and kept in the relation of dead letters, `millrace_dead.<name>`, as it came, with its place and the reason: see [dead letters](../connectors/dead-letters.md). Options of every source, and of every table with a connector; `ALTER ... CONNECTOR WITH` changes them:',
    optionTable(letterOptions),
    'A source whose rows are not kept is read again by views that are made later: once it has been read, `on_error` cannot be changed to `null` or from it. `REPROCESS DEAD LETTERS FROM name [WHERE condition]` decodes letters again, by the present definition. `millrace_catalog.source_drift` counts fields that are not as the columns are: unknown, missing, of another type.',
  ].join('\n\n');
}

/** docs/sql/sources.md. */
export function sourcesPage(): string {
  return `${[
    '# Sources',
    'The sections on connectors are written from their definitions by `scripts/writeReference.ts`.',
    [
      '```sql',
      'CREATE SOURCE [IF NOT EXISTS] name [( columns )]',
      "WITH ( connector = '...', option = '...' [, ...] )",
      '[FORMAT PLAIN ENCODE { JSON | CSV } [( option = value [, ...] )]]',
      '```',
    ].join('\n'),
    'A source is a stream of rows. Those that are read here store nothing; [remote sources](#remote-sources) are kept. A materialised view over it takes in all rows from the start, then those that follow. `CREATE TABLE` with the same clauses makes a table that stores what the connector brings; its primary key and `ON CONFLICT` clause apply. A `SELECT` on a source reads it from its start to what is there now.',
    '`millrace_catalog.sources` says how far each source has come.',
    `Encodings: ${encodes
      .map(({ name }) => `\`${name}\``)
      .join(
        ', ',
      )}, and \`PARQUET\` of files; each connector names those that it takes. \`JSON\` takes one object a line; fields go to the columns of their names, what is missing is NULL. \`CSV\` has the options \`without_header\` (\`true\` unless given) and \`delimiter\` (\`,\`).`,
    timeSection(),
    badRecordSection(),
    ...sourceConnectors.map(connectorSection),
    remoteSections(),
  ].join('\n\n')}\n`;
}
