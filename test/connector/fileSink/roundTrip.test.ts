/** What the file sink writes is what the file source reads: every type, the ends of its range, and NULL, in every form of file. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { createDatabase, localSession } from '../../../server/serve.ts';
import type { Session } from '../../../server/session.ts';
import { SinkDelivery } from '../../../server/sinks/delivery.ts';
import { allTypeCases, columnList, insertsOfCases, type TypeCase } from '../encoders/everyType.ts';

let directory: string;
let database: ReturnType<typeof createDatabase>;
let session: Session;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-round-'));
  database = createDatabase();
  session = localSession(database);
});
afterEach(() => {
  database.close();
  rmSync(directory, { recursive: true });
});

async function rows(sql: string): Promise<readonly (readonly unknown[])[]> {
  return (await session.run(sql)).at(-1)?.rows ?? [];
}

/** A table with every value of every case, and a last row of NULLs. */
async function fill(cases: readonly TypeCase[]): Promise<void> {
  await session.run(`CREATE TABLE t (${columnList(cases, 'id int PRIMARY KEY')})`);
  for (const insert of insertsOfCases('t', cases)) await session.run(insert);
}

/** Writes what the relation has; the names of the parts. */
async function write(clause: string): Promise<readonly string[]> {
  const path = join(directory, 'out');
  await session.run(
    `CREATE SINK s FROM t WITH (connector = 'file', path = '${path}', force_append_only = true) ${clause}`,
  );
  const delivery = new SinkDelivery(database, must(database.sinks.list()[0]));
  for (;;) {
    const result = await delivery.step(true);
    if (result === 'idle') break;
    expect(result, String(delivery.sink.runtime.reason)).toBe('delivered');
  }
  await delivery.close();
  return readdirSync(path).filter((name) => name.startsWith('part-'));
}

const isInfinite = (text: string): boolean => text === 'infinity' || text === '-infinity';
/** Without what Parquet has no form for. */
const finite = allTypeCases
  .filter(({ name }) => !['az', 'aa', 'aat'].includes(name))
  .map((c) =>
    ['d', 'ts', 'tz'].includes(c.name) ? { ...c, texts: c.texts.filter((text) => !isInfinite(text)) } : c,
  );

const forms: readonly (readonly [name: string, write: string, read: string, cases: readonly TypeCase[]])[] = [
  [
    'NDJSON',
    "FORMAT PLAIN ENCODE JSON (jsonb.handling.mode = 'dynamic')",
    "FORMAT PLAIN ENCODE JSON (bytea.handling.mode = 'base64')",
    allTypeCases,
  ],
  ['CSV', 'FORMAT PLAIN ENCODE CSV', 'FORMAT PLAIN ENCODE CSV', allTypeCases],
  [
    'CSV with names',
    "FORMAT PLAIN ENCODE CSV (without_header = 'false', delimiter = ';')",
    "FORMAT PLAIN ENCODE CSV (without_header = 'false', delimiter = ';')",
    allTypeCases,
  ],
  ['Parquet', 'FORMAT PLAIN ENCODE PARQUET', 'FORMAT PLAIN ENCODE PARQUET', finite],
];

it.each(forms)('%s', async (name, out, back, cases) => {
  await fill(cases);
  await write(out);
  await session.run(
    `CREATE SOURCE src (${columnList(cases)}) WITH (connector = 'posix_fs', posix_fs.root = '${directory}/out', match_pattern = 'part-*') ${back}`,
  );
  await session.run('CREATE MATERIALIZED VIEW r AS SELECT * FROM src');
  for (let i = 0; i < 20; i++) await database.pollSources();
  expect(await rows('SELECT message FROM millrace_catalog.source_errors')).toEqual([]);
  for (const c of cases) {
    const shown = (relation: string) => rows(`SELECT id, ${c.name}::text FROM ${relation} ORDER BY id`);
    const expected = (await shown('t')).map(([id, text]) => [
      id,
      name === 'NDJSON' && c.name === 'jb' && text === 'null' ? null : text,
    ]);
    expect(await shown('r'), c.sql).toEqual(expected);
  }
});

it.each(forms)('%s of an empty relation', async (_, out) => {
  await session.run('CREATE TABLE t (id int PRIMARY KEY, v text)');
  expect(await write(out)).toEqual([]);
  await session.run("INSERT INTO t VALUES (1, NULL), (2, '')");
  const delivery = new SinkDelivery(database, must(database.sinks.list()[0]));
  expect(await delivery.step(true)).toBe('delivered');
  await delivery.close();
  const [part = ''] = readdirSync(join(directory, 'out')).filter((file) => file.startsWith('part-'));
  expect(readFileSync(join(directory, 'out', part)).length).toBeGreaterThan(0);
});

it('a source refuses options that its encoding does not have', async () => {
  await expect(
    session.run(
      `CREATE SOURCE src (id int) WITH (connector = 'posix_fs', posix_fs.root = '${directory}') FORMAT PLAIN ENCODE JSON (bytea.mode = 'base64')`,
    ),
  ).rejects.toMatchObject({ state: '22023' });
});
