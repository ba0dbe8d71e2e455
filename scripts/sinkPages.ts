/** docs/sql/sinks.md: what is the same for all sinks, and each connector's section from its definition. */
import { csvEncodeOptions } from '../connector/encoders/encoder.ts';
import { jsonEncodeOptions } from '../connector/encoders/jsonValue.ts';
import type { SinkConnector } from '../connector/sink.ts';
import { sinkConnectors } from '../connector/sinks.ts';
import { sinkOptions } from '../server/sinks/declare.ts';
import { optionTable } from './referencePages.ts';

function connectorSection(connector: SinkConnector): string {
  const guarantee =
    connector.guarantee === 'exactly once'
      ? 'Every change is written exactly once.'
      : 'Every change is written at least once: after a crash some may be written again.';
  const formats = connector.formats.map((f) => (f === 'NATIVE' ? 'none (no FORMAT clause)' : `\`${f}\``));
  return [
    `## ${connector.name}`,
    `${connector.doc} ${guarantee}`,
    `Formats: ${formats.join(', ')}. The first is taken where the statement has none.`,
    ...(connector.keyEncodes === undefined
      ? []
      : [
          `KEY ENCODE ${connector.keyEncodes.join(', ')}. Without it the key is encoded as the value. TEXT: the key's only column as SQL shows it; BYTES: as it is (bytea).`,
        ]),
    ...(connector.options.length === 0 ? [] : [optionTable(connector.options)]),
    ...[...(connector.encodeOptions ?? [])].flatMap(([encode, options]) => [
      `ENCODE ${encode}:`,
      optionTable(options),
    ]),
  ].join('\n\n');
}

/** Sinks whose target is a table of the database, and statements that change sinks. */
const intoTable: readonly string[] = [
  '## Into a table',
  '`CREATE SINK name INTO table` writes the changes into a table of this database: a streaming INSERT, which several sinks, and clients, may do to one table. A commit is acknowledged when it has reached the table, and every view over it, and the views over tables that those feed in turn; a reader never sees the one without the other, also not after a crash. Columns go to those named, else to the columns of the table in their order, with the casts of INSERT; the others get their defaults.',
  'Rows of an append-only relation are inserted (`type = append-only`, or any with `force_append_only`); `ON CONFLICT` of the table decides about known keys. Other relations write by key (`type = upsert`): rows that come or change are inserted under the rules of `ON CONFLICT`, rows that go are deleted. That takes a table with a primary key which the sink writes, and which includes the key of the relation (`42P16` otherwise). If several sinks write one key the last one wins, and a deletion by any of them deletes it. A row that the table does not take (NULL in a NOT NULL column, a failing cast) is left out and listed in `millrace_catalog.row_errors` under the name of the sink. A view with `on_error = fail` over the table is paused by a row of a sink that it cannot compute, as by one of a source.',
  'A table that the query of the sink is made of cannot be its target (`42P19`), nor can a view be replaced by one that closes such a circle. The table cannot be dropped, nor a column that is written be dropped, renamed or given another type, while the sink is there. While the sink is paused, changes wait; `RESUME` writes them.',
  '## Changing a sink',
  '`REPLACE SINK` makes a new sink in the place of the one of that name, if there is one, in one step: if it cannot be made the old one goes on. What the old one had not delivered is forgotten, and the new one begins with the rows that are there (unless `snapshot = false`). `ALTER SINK name CONNECTOR WITH (option = ..., ...)` changes options of the connector that do not change what has been written, as addresses, passwords and sizes of batches, and opens the target again; for other options it answers `0A000` and names those that it takes. `ALTER SINK name SET SINK_RATE_LIMIT TO { n | DEFAULT }` sets how many changes are delivered a second.',
];

export function sinksPage(): string {
  return `${[
    '# Sinks',
    'The tables of options are written from their definitions by `scripts/writeReference.ts`.',
    [
      '```sql',
      '{ CREATE | REPLACE } SINK [IF NOT EXISTS] name { FROM relation | AS query } [EMIT ON WINDOW CLOSE]',
      "WITH ( connector = '...', option = '...' [, ...] )",
      '[FORMAT { PLAIN | UPSERT | DEBEZIUM } ENCODE encoding [( option = value [, ...] )] [KEY ENCODE encoding]]',
      '',
      '{ CREATE | REPLACE } SINK [IF NOT EXISTS] name INTO table [( column [, ...] )] { FROM relation | AS query }',
      '[EMIT ON WINDOW CLOSE] [WITH ( option = ... [, ...] )]',
      '```',
    ].join('\n'),
    'A sink writes the changes of a table, source, view or query out of the database, as they happen: first the rows that are there when it is made (unless `snapshot = false`), then for every tick what it has changed, net. The view of a query, and a plain view, is kept like any other, in schema `millrace_sinks`.',
    'How a change is written is its **format**. `PLAIN`: rows that come, of relations whose rows are never changed or removed; of others with `force_append_only`. `UPSERT`: the row under its key, or that there is none any more. `DEBEZIUM`: the row before and after, and `op` (`c`, `u` or `d`). The last two need a key: that of the relation, if all its columns are written, or columns that include it (`primary_key`).',
    ...intoTable,
    '## Options of every sink',
    optionTable(sinkOptions),
    'ENCODE JSON:',
    optionTable(jsonEncodeOptions),
    'JSON has integers, floats and booleans as they are (`NaN` and infinity as strings), `numeric` as a string, dates and times as strings with six digits of fraction (`2024-01-01 00:00:00.000000`), intervals in ISO 8601, `bytea` in base64, arrays and structs as arrays and objects.',
    'ENCODE CSV (text as SQL shows it, in UTC; NULL is nothing, an empty string `""`):',
    optionTable(csvEncodeOptions),
    '## States',
    '`millrace_catalog.sinks` has a row for each sink: its state and why, how many changes wait (`backlog_rows`, `backlog_bytes`, of them `spilled_bytes` on disk), the version that it has produced and the one that its target has, how far that is behind (`lag`), and the last error; how many changes and about how many bytes of them were delivered since it was made (`delivered_rows`, `delivered_bytes`) and when the last time (`delivered_at`). Values of options that are secrets are not shown.',
    '| state | meaning |\n|---|---|\n| `running` | |\n| `retrying` | the last delivery failed; it is tried again, after 0.1 seconds at first, then ever longer, half a minute at most |\n| `paused` | by `ALTER SINK name PAUSE`, after 25 failures in a row, or because trying again would not help: `reason` says which. Changes go on being kept for it |\n| `waiting` | its view is paused, or there is no room for its backlog; it gets the difference later |',
    '`ALTER SINK name RESUME` goes on, also with a target that has lost what was delivered, or that has more than this database: then from what the server has. That holds for the state that the target is in, also over restarts, and until something has been delivered to it. `ALTER SINK name RENAME TO`, `SET SCHEMA` and `OWNER TO` are as for other objects. `DROP SINK` leaves what has been written where it is, and forgets what has not.',
    'What waits for a target lies in memory up to 16 MiB a sink, beyond that in the data directory. Without a data directory, or on a full disk, the sink is given the difference when it has caught up, instead of every change. A slow or failing target never holds up anybody else.',
    'A relation cannot be dropped while a sink writes it, except with `CASCADE`; nor can a column that it writes be dropped or renamed. A view may be replaced (`CREATE OR REPLACE`) as long as the key of its sinks stays: they get the difference. New columns of a relation do not reach its sinks.',
    'What a crash can do to it: [durability](../durability.md#sinks-exactly-once).',
    ...sinkConnectors.map(connectorSection),
  ].join('\n\n')}\n`;
}
