/** The part of docs/sql/sources.md on remote sources, as text: rules, encodings and connectors from their definitions. */
import { encodes } from '../connector/formats/encodes.ts';
import type { RemoteConnector } from '../connector/remote.ts';
import { remoteConnectors } from '../connector/remotes.ts';
import { letterOptions } from '../server/deadLetters/letterOptions.ts';
import { retentionOption } from '../server/remote/options.ts';
import { includeText, optionTable } from './referencePages.ts';

const code = (text: string): string => `\`${text}\``;

function connectorPart(connector: RemoteConnector): string {
  const formats = connector.formats.map((f) => (f === 'NATIVE' ? 'none (no FORMAT clause)' : code(f)));
  return [
    `### ${connector.name}`,
    connector.doc,
    `Formats: ${formats.join(', ')}.${includeText(connector.include)}`,
    optionTable(connector.options),
  ].join('\n\n');
}

function encodePart(): string {
  return encodes
    .map(({ name, doc, options }) =>
      [`${code(name)}: ${doc}`, ...(options.length === 0 ? [] : [optionTable(options)])].join('\n\n'),
    )
    .join('\n\n');
}

const syntax = [
  '```sql',
  'CREATE SOURCE [IF NOT EXISTS] name ( columns [, WATERMARK FOR column AS expression] )',
  "[INCLUDE field ['header'] [type] [AS column]] [...]",
  "WITH ( connector = '...', option = '...' [, ...] )",
  'FORMAT PLAIN ENCODE encoding [( option = value [, ...] )]',
  '',
  'CREATE TABLE [IF NOT EXISTS] name ( columns, PRIMARY KEY ( column [, ...] ) )',
  "[INCLUDE field ['header'] [type] [AS column]] [...]",
  "WITH ( connector = '...', option = '...' [, ...] )",
  'FORMAT { PLAIN | UPSERT | DEBEZIUM } ENCODE encoding [( option = value [, ...] )] [KEY ENCODE encoding]',
  '```',
].join('\n');

/** Sections on what comes over a network. */
export function remoteSections(): string {
  return [
    '## Remote sources',
    `What comes over a network (${remoteConnectors.map((c) => code(c.name)).join(', ')}) is kept by Millrace. It is read and decoded in a thread of its own, written to the journal in full before anything follows from it, and stays as rows: nothing is read a second time. A restart needs nothing of the other server but what comes after the last row that is in the journal, so every message counts once. A view that is made later sees the same rows, and a \`SELECT\` those that have come. Reading begins when the source is created.`,
    syntax,
    'CREATE connects once, and says what is wrong: an unknown host (`08001`), a wrong password (`28P01`), a missing topic (`42704`). A restart does not wait for other servers: a source that cannot be read stands still, says so in `millrace_catalog.sources` (`state`, `failure`, `retry_at`), and is tried again after one second, two, four and so on up to a minute. `ALTER SOURCE name PAUSE` and `RESUME` do what they say, and `ALTER SOURCE name CONNECTOR WITH (option = value)` changes options that can be changed. `DROP SOURCE` ends the reader.',
    'A source takes at most 8 MB of decoded rows ahead of the dataflow; then it does not fetch until they have been taken. `source_rate_limit` is the number of rows that it takes in a second. What is durable here is acknowledged to the other server after that.',
    '### Formats',
    '`FORMAT PLAIN`: a message is a row. `FORMAT UPSERT`: it is the row under its key, and a message without a value takes the row away. `FORMAT DEBEZIUM`: it is a change, with the row before and after. The latter two need `CREATE TABLE` with a `PRIMARY KEY`; taking away a row that is not there is nothing.',
    encodePart(),
    '### INCLUDE',
    "`INCLUDE` makes a column of a field that is not in the message's value: `key` and `header 'name'` (`bytea` unless a type is named, into which their text is read), `header` (all of them: an array of name and value), `timestamp` (`timestamptz`), `partition`, `offset` (`varchar`), `payload` (the whole value). Its name is that after `AS`, else `_rw_connector_field`, as in RisingWave. Included columns come after the others and may be in the primary key.",
    '### Event time',
    'Every partition has a watermark of its own, and the source has the least of those that are not idle; it waits for all partitions that the server had when the source was created. Late rows, `INJECT`, `ADVANCE WATERMARK` and `REPLAY LATE ROWS` are as for other sources. `millrace_catalog.source_partitions` has for every partition the position, where it ends, how many messages wait (`lag`), the watermark, and a note where an operator should know something.',
    '### Options of every remote source',
    optionTable([...letterOptions, retentionOption]),
    '`retention` is for sources. Rows that have gone are not taken back from views that have read them, but views that are made later do not see them: they are counted (`rows_forgotten` in `millrace_catalog.sources`), and `CREATE MATERIALIZED VIEW` says so. So do views that have to be built again.',
    ...remoteConnectors.map(connectorPart),
  ].join('\n\n');
}
