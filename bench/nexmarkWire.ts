/**
 * Nexmark through the wire: a server process, and a client that copies the events into tables under one view at a time.
 * Events a second from the first byte sent until everything is visible, then the view read back whole.
 *
 * Run: node bench/nexmarkWire.ts [--events N] [--copy N] [--durable] [QUERY...]
 *
 * `--copy`: events to a round of three COPY statements, each one transaction.
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { formatterOf, plainContext } from '../common/textIo.ts';
import { type EventTable, eventTables, eventTypes, nexmarkRows } from './support/nexmarkEvents.ts';
import { queryNames, queryText, tableStatements, viewStatement } from './support/nexmarkQueries.ts';
import { startServer } from './support/server.ts';
import { markdownTable, milliseconds, rate } from './support/statistics.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    events: { type: 'string', default: '100000' },
    copy: { type: 'string', default: '5000' },
    durable: { type: 'boolean', default: false },
  },
});
const events = Number(values.events);

interface Round {
  readonly table: EventTable;
  readonly text: string;
}

/** The events as COPY text, `perRound` at a time. */
function rounds(perRound: number): readonly Round[] {
  const context = plainContext(() => 0n);
  const formatters = new Map(eventTables.map((t) => [t, eventTypes(t).map(formatterOf)]));
  const made: Round[] = [];
  let lines = new Map<EventTable, string[]>();
  let count = 0;
  const close = (): void => {
    for (const [table, list] of lines) made.push({ table, text: list.join('') });
    lines = new Map();
    count = 0;
  };
  for (const { table, row } of nexmarkRows(events)) {
    const text = (formatters.get(table) ?? []).map((format, i) => {
      const value = row[i] ?? null;
      return value === null ? '\\N' : format(value, context);
    });
    const list = lines.get(table) ?? [];
    list.push(`${text.join('\t')}\n`);
    lines.set(table, list);
    if (++count === perRound) close();
  }
  close();
  return made;
}

async function measure(
  client: pg.Client,
  name: string,
  copies: readonly Round[],
): Promise<readonly string[]> {
  await client.query(tableStatements());
  await client.query(viewStatement(name));
  const start = performance.now();
  for (const { table, text } of copies)
    await pipeline(Readable.from([text]), client.query(copyFrom(`COPY ${table} FROM STDIN`)));
  const seconds = (performance.now() - start) / 1000;
  const readStart = performance.now();
  const view = await client.query({ text: `SELECT * FROM ${name}`, rowMode: 'array' });
  const readMs = performance.now() - readStart;
  const queryStart = performance.now();
  const again = await client.query({ text: queryText(name), rowMode: 'array' });
  const queryMs = performance.now() - queryStart;
  if (again.rows.length !== view.rows.length) throw new TypeError(`${name}: the view differs from the query`);
  await client.query(`DROP MATERIALIZED VIEW ${name}`);
  for (const table of eventTables) await client.query(`DROP TABLE ${table}`);
  return [
    name,
    rate(events / seconds),
    String(view.rows.length),
    milliseconds(readMs),
    rate((view.rows.length / readMs) * 1000),
    milliseconds(queryMs),
  ];
}

const copies = rounds(Number(values.copy));
const server = await startServer(values.durable);
const client = await server.connect();
const rows: (readonly string[])[] = [];
for (const name of positionals.length > 0 ? positionals : queryNames()) {
  rows.push(await measure(client, name, copies));
  process.stderr.write(`${(rows.at(-1) ?? []).join('  ')}\n`);
}
await client.end();
await server.close();
process.stdout.write(
  `\nNexmark through the wire (${values.durable ? 'durable' : 'in memory'}), ${events} events by COPY into tables, ${values.copy} events a round\n\n${markdownTable(
    ['query', 'events/s', 'view rows', 'read view ms', 'rows/s', 'ad-hoc query ms'],
    rows,
  )}\n`,
);
