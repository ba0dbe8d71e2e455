/**
 * Remote sources without a network: bids of 200 bytes of JSON, read from memory and decoded in the worker, into a source and a
 * table with a view over each (count(*) by auction), in memory and with a journal. What the main thread spends on a row, beside
 * the rate of both threads together.
 *
 * Run: node bench/remote.ts [--messages N]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Journal } from '../server/journal.ts';
import { replayJournal } from '../server/journalRecovery.ts';
import { createDatabase, ddlRunner, localSession, realEnvironment } from '../server/serve.ts';
import { SourceLoop } from '../server/sourceLoop.ts';
import { remoteConnectors } from './support/remoteBids.ts';
import { markdownTable } from './support/statistics.ts';

const { values } = parseArgs({ options: { messages: { type: 'string', default: '1000000' } } });
const messages = Number(values.messages);

const columns =
  '(auction bigint, bidder bigint, price bigint, channel varchar, url varchar, date_time timestamp, extra varchar)';
const options = `WITH (connector = 'bids', messages = ${messages}) FORMAT PLAIN ENCODE JSON`;

const relations: Readonly<Record<string, string>> = {
  source: `CREATE SOURCE bid ${columns} ${options}`,
  'append only table': `CREATE TABLE bid ${columns} APPEND ONLY ${options}`,
  table: `CREATE TABLE bid ${columns} ${options}`,
};

async function measure(name: string, statement: string, isDurable: boolean): Promise<readonly string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-remote-'));
  const module = new URL('./support/remoteBids.ts', import.meta.url).href;
  const database = createDatabase({
    ...realEnvironment(),
    remote: { connectors: remoteConnectors, threaded: true, module },
  });
  if (isDurable) {
    const journal = new Journal(directory, {
      now: () => database.clock(),
      acceptDataLoss: false,
      log: () => {},
    });
    await replayJournal(database, journal, ddlRunner(database));
  }
  const session = localSession(database);
  const loop = new SourceLoop(database, (error) => {
    throw error;
  });
  await session.run(statement);
  await session.run('CREATE MATERIALIZED VIEW v AS SELECT auction, count(*) AS n FROM bid GROUP BY auction');
  const cpu = process.threadCpuUsage();
  loop.start();
  const bid = database.catalog.objects().find((o) => o.name === 'bid');
  const source = bid?.kind === 'table' ? bid.source : null;
  // Until the thread of the readers has begun.
  while (source?.rowsRead === 0n) await new Promise((resolve) => setTimeout(resolve, 1));
  const started = performance.now();
  const before = source?.rowsRead ?? 0n;
  while (source !== null && source.rowsRead < BigInt(messages)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { user, system } = process.threadCpuUsage(cpu);
  const took = (performance.now() - started) / 1000;
  await loop.stop();
  const [result] = await session.run('SELECT sum(n) FROM v');
  if (String(result?.rows[0]?.[0]) !== String(messages)) {
    throw new TypeError(`the view counts ${String(result?.rows[0]?.[0])} of ${messages}`);
  }
  await database.remote.close();
  database.close();
  rmSync(directory, { recursive: true, force: true });
  const perRow = (user + system) / messages;
  return [
    name,
    isDurable ? 'yes' : 'no',
    `${Math.round((messages - Number(before)) / took / 1000)} k`,
    perRow.toFixed(2),
    `${Math.round(1000 / perRow)} k`,
  ];
}

const lines: (readonly string[])[] = [];
for (const [name, statement] of Object.entries(relations)) {
  for (const isDurable of [false, true]) lines.push(await measure(name, statement, isDurable));
}
console.log(
  markdownTable(['into', 'journal', 'rows/s', 'main thread, µs a row', 'rows/s of main thread'], lines),
);
