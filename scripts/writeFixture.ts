/**
 * Writes a data directory as this version of the server leaves it, with what it answers, into test/fixtures: later versions open it in
 * their tests. Run from the root: `node scripts/writeFixture.ts format2`. A released format's directory is never written
 * again; a change of format gets a directory of its own, before it is released.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFixture, rowTexts } from './fixtureDirectory.ts';
import { changes, historic, objects, relations, repeatable, sinks } from './fixtureHistory.ts';

const name = process.argv[2];
if (name === undefined || !/^format\d+$/.test(name))
  throw new Error('usage: node scripts/writeFixture.ts formatN');
const target = join('test/fixtures', name);
rmSync(target, { recursive: true, force: true });
mkdirSync(join(target, 'files'), { recursive: true });
writeFileSync(
  join(target, 'files/a.csv'),
  '1,2024-01-01 00:00:05\n2,2024-01-01 00:00:40\nnot a row\n3,2024-01-01 00:00:01\n4,2024-01-01 00:01:30\n31,2024-01-01 00:01:31\n',
);

const directory = mkdtempSync(join(tmpdir(), 'millrace-fixture-'));
try {
  const { database, session, checkpointer, close } = await openFixture(directory);
  for (const sql of objects(join(target, 'files'))) await session.run(sql);
  for (const sql of changes(0)) await session.run(sql);
  for (const [view, query] of Object.entries({ ...repeatable, ...historic })) {
    await session.run(`CREATE MATERIALIZED VIEW ${view} AS ${query}`);
  }
  for (const sql of sinks) await session.run(sql);
  while (await database.pollSources());
  for (const sql of changes(1)) await session.run(sql);
  await checkpointer.checkpoint();
  // What the journal has after the checkpoint.
  for (const sql of changes(2)) await session.run(sql);
  await session.run('FLUSH');
  const rows: Record<string, readonly string[]> = {};
  for (const relation of [...relations, ...Object.keys(repeatable), ...Object.keys(historic)]) {
    rows[relation] = await rowTexts(session, `SELECT * FROM ${relation}`);
  }
  const version = String(database.version);
  writeFileSync(join(target, 'expected.json'), `${JSON.stringify({ version, repeatable, rows }, null, 1)}\n`);
  await close();
  cpSync(directory, join(target, 'data'), { recursive: true });
  process.stdout.write(`${target}: ${readdirSync(join(target, 'data')).join(' ')}\n`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
