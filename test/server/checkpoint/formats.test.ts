/** Data directories as earlier versions have left them open, answer as they did, and go on. One of a version to come is refused. */
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OpenFixture, openFixture, rowTexts } from '../../../scripts/fixtureDirectory.ts';
import { changes } from '../../../scripts/fixtureHistory.ts';
import { dump, stateOf, temporaryDirectory } from '../journal/support.ts';

const FIXTURES = 'test/fixtures';

interface Expected {
  readonly version: string;
  readonly repeatable: Readonly<Record<string, string>>;
  readonly rows: Readonly<Record<string, readonly string[]>>;
}

/** Formats with checkpoints; the one before them is tested with the journal. */
const formats = readdirSync(FIXTURES).filter((name) => existsSync(join(FIXTURES, name, 'data/state.db')));

let directory: { readonly path: string; remove(): void };
let opened: OpenFixture | null = null;

async function open(path: string): Promise<OpenFixture> {
  opened = await openFixture(path);
  return opened;
}

async function close(): Promise<void> {
  await opened?.close();
  opened = null;
}

beforeEach(() => {
  directory = temporaryDirectory('formats');
});

afterEach(async () => {
  await close();
  directory.remove();
});

/** Changes what the checkpoint says of itself. */
function rewriteDescription(data: string, change: (description: object) => object): void {
  const db = new Sqlite(join(data, 'state.db'));
  const text = String(db.prepare('SELECT description FROM checkpoint').pluck().get());
  const changed = JSON.stringify(change(JSON.parse(text) as object));
  db.prepare('UPDATE checkpoint SET description = ?, crc = ?').run(changed, crc32(changed));
  db.close();
}

describe.each(formats)('a data directory of %s', (format) => {
  const expected = JSON.parse(readFileSync(join(FIXTURES, format, 'expected.json'), 'utf8')) as Expected;
  let data: string;

  beforeEach(() => {
    data = join(directory.path, 'data');
    cpSync(join(FIXTURES, format, 'data'), data, { recursive: true });
  });

  it('opens, with everything that was in it, and goes on', async () => {
    const { database, session, checkpointer, report, lines } = await open(data);
    expect([report.rebuilt, lines]).toEqual([[], []]);
    expect(report.checkpoint).toBe(1);
    expect(report.replayedRecords).toBeGreaterThan(0);
    expect(String(database.version)).toBe(expected.version);
    for (const [name, rows] of Object.entries(expected.rows)) {
      expect(await rowTexts(session, `SELECT * FROM ${name}`), name).toEqual(rows);
    }
    expect((await session.run("SELECT obj_description('t'::regclass)"))[0]?.rows).toEqual([['kept']]);
    for (const sql of changes(3)) await session.run(sql);
    for (const [name, query] of Object.entries(expected.repeatable)) {
      expect(await rowTexts(session, `SELECT * FROM ${name}`), name).toEqual(await rowTexts(session, query));
    }
    await checkpointer.checkpoint();
    await session.run('INSERT INTO t (id, a, b) VALUES (1000, 1, 1)');
    const before = dump(database);
    await close();
    expect(dump((await open(data)).database)).toEqual(before);
  });

  it('has its views built again where their state is of another format', async () => {
    rewriteDescription(data, (d) => ({ ...d, viewFormat: 0 }));
    const { session, report } = await open(data);
    expect(report.rebuilt.map((r) => r.reason)).toContain("its state has format 0, this server's is 1");
    expect(report.rebuilt.length).toBeGreaterThan(Object.keys(expected.repeatable).length);
    for (const name of ['t', 'u', 's.types', 'versioned', 'c', ...Object.keys(expected.repeatable)]) {
      expect(await rowTexts(session, `SELECT * FROM ${name}`), name).toEqual(expected.rows[name]);
    }
  });

  it('is refused where a server of the future wrote it', async () => {
    rewriteDescription(data, (d) => ({ ...d, format: 1000 }));
    await expect(open(data)).rejects.toThrow(/has format 1000, this server reads format/);
    expect(await stateOf(open(data))).toBe('55000');
  });
});

it('there are formats with checkpoints', () => expect(formats).toContain('format2'));
