/** BACKUP TO and AS, DROP BACKUP, restoring, and going back to a named backup: everything is as it was, and goes on. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { restoreBackup, verifyBackup } from '../../../server/backup/restore.ts';
import { type RunningServer, startServer } from '../../../server/serve.ts';
import { Connection } from '../clients.ts';
import { dump, stateOf, temporaryDirectory } from '../journal/support.ts';

let directory: { readonly path: string; remove(): void };
let servers: RunningServer[] = [];

beforeEach(() => {
  directory = temporaryDirectory('backup');
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  directory.remove();
});

const at = (name: string): string => join(directory.path, name);

interface Client extends Connection {
  readonly server: RunningServer;
}

async function start(name: string, fromBackup?: string, lines: string[] = []): Promise<Client> {
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    httpPort: 0,
    dataDir: at(name),
    checkpointIntervalMs: Number.POSITIVE_INFINITY,
    log: (line) => lines.push(line),
    ...(fromBackup === undefined ? {} : { fromBackup }),
  });
  servers.push(server);
  const client = new Connection(`postgres://root@127.0.0.1:${server.pgPort}/dev`);
  await client.client.connect();
  return Object.assign(client, { server });
}

async function stop({ client, server }: Client): Promise<void> {
  await client.end();
  servers = servers.filter((s) => s !== server);
  await server.close();
}

async function fill(a: Client): Promise<void> {
  await a.tags('CREATE TABLE t (id int PRIMARY KEY, k int, n numeric)');
  await a.tags('INSERT INTO t SELECT i, i % 7, i / 3.0 FROM generate_series(1, 500) AS i');
  await a.tags(
    'CREATE MATERIALIZED VIEW by_k AS SELECT k, count(*) AS c, sum(n) AS s, max(random()) AS r FROM t GROUP BY k',
  );
  await a.tags("COMMENT ON TABLE t IS 'kept'");
}

describe('BACKUP TO', () => {
  it('writes one file, from which a directory is made that goes on as the first does', async () => {
    const a = await start('a');
    await fill(a);
    const file = at('b.db');
    expect(await a.tags(`INSERT INTO t VALUES (1000, 1, 1); BACKUP TO '${file}'`)).toEqual([
      'INSERT 1',
      'BACKUP',
    ]);
    const before = dump(a.server.database);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await a.tags('UPDATE t SET n = n + 1 WHERE id < 100');
    const summary = verifyBackup(file);
    expect(summary.description.definitions.length).toBeGreaterThan(2);
    restoreBackup(file, at('b'));
    expect(readdirSync(at('b'))).toEqual(['state.db']);
    let b = await start('b');
    expect(dump(b.server.database)).toEqual(before);
    expect(await b.value("SELECT obj_description('t'::regclass)")).toBe('kept');
    // The same changes give the same results, random values too, now and after restarts.
    await b.tags('UPDATE t SET n = n + 1 WHERE id < 100');
    expect(dump(b.server.database)).toEqual(dump(a.server.database));
    for (let round = 0; round < 3; round++) {
      await b.tags(`INSERT INTO t VALUES (${2000 + round}, 1, 2)`);
      const now = dump(b.server.database);
      await stop(b);
      b = await start('b');
      expect(dump(b.server.database)).toEqual(now);
    }
  });

  it('holds what was acknowledged while writers go on', async () => {
    const a = await start('a');
    await fill(a);
    let stopped = false;
    let acknowledged = 0;
    const writing = (async () => {
      const w = new Connection(`postgres://root@127.0.0.1:${a.server.pgPort}/dev`);
      await w.client.connect();
      for (let id = 10_000; !stopped; id++) {
        await w.tags(`INSERT INTO t VALUES (${id}, 3, 1)`);
        acknowledged++;
      }
      await w.client.end();
    })();
    for (let round = 0; round < 3; round++) {
      const least = acknowledged;
      await a.tags(`BACKUP TO '${at('b.db')}'`);
      restoreBackup(at('b.db'), at(`b${round}`));
      const b = await start(`b${round}`);
      const rows = Number(await b.value('SELECT count(*) FROM t')) - 500;
      expect(rows).toBeGreaterThanOrEqual(least);
      expect(rows).toBeLessThanOrEqual(acknowledged);
      expect(await b.value('SELECT sum(c) FROM by_k')).toBe(String(rows + 500));
      await stop(b);
    }
    stopped = true;
    await writing;
  });

  it('fails as COPY TO does, and leaves nothing behind', async () => {
    const a = await start('a');
    await fill(a);
    const before = readdirSync(directory.path);
    const failures: [string, string][] = [
      ['b.db', '42602'],
      [at('missing/b.db'), '58P01'],
      [directory.path, '42809'],
      [at('a/b.db'), '42602'],
    ];
    mkdirSync(at('taken'));
    for (const [path, state] of failures) expect(await a.state(`BACKUP TO '${path}'`), path).toBe(state);
    expect(await a.state(`BEGIN; BACKUP TO '${at('b.db')}'`)).toBe('25001');
    await a.tags('ROLLBACK');
    expect(readdirSync(directory.path).filter((f) => f !== 'taken')).toEqual(before);
  });

  it('of a damaged checkpoint fails, and the file of before stays', async () => {
    const a = await start('a');
    await fill(a);
    await a.tags(`BACKUP TO '${at('b.db')}'`);
    const good = readFileSync(at('b.db'));
    const state = new Sqlite(at('a/state.db'));
    state.prepare('UPDATE block SET crc = crc + 1 WHERE id = 1').run();
    state.close();
    expect(await a.state(`BACKUP TO '${at('b.db')}'`)).toBe('XX001');
    expect(readFileSync(at('b.db')).equals(good)).toBe(true);
    expect(readdirSync(directory.path).sort()).toEqual(['a', 'b.db']);
  });

  it('needs a data directory', async () => {
    const server = await startServer({
      host: '127.0.0.1',
      port: 0,
      httpPort: 0,
      dataDir: null,
      log: () => {},
    });
    servers.push(server);
    const a = Object.assign(new Connection(`postgres://root@127.0.0.1:${server.pgPort}/dev`), { server });
    await a.client.connect();
    expect(await a.state(`BACKUP TO '${at('b.db')}'`)).toBe('55000');
    expect(await a.tags('CHECKPOINT; FLUSH')).toEqual(['CHECKPOINT', 'FLUSH']);
    expect(await a.rows('SELECT * FROM millrace_catalog.recovery')).toEqual([]);
    await stop(a);
  });
});

describe('a backup that is damaged', () => {
  it('is not restored', async () => {
    const a = await start('a');
    await fill(a);
    await a.tags(`BACKUP TO '${at('b.db')}'`);
    const good = readFileSync(at('b.db'));
    const refused = async (bytes: Uint8Array): Promise<string> => {
      writeFileSync(at('damaged.db'), bytes);
      return stateOf(Promise.resolve().then(() => restoreBackup(at('damaged.db'), at('c'))));
    };
    expect(await refused(Buffer.from('nonsense'.repeat(10_000)))).toBe('XX001');
    expect(await refused(good.subarray(0, good.length / 2))).toBe('XX001');
    expect(await refused(new Uint8Array(0))).toBe('XX001');
    for (const share of [0.3, 0.5, 0.7, 0.9]) {
      const changed = Buffer.from(good);
      const place = Math.floor(good.length * share);
      changed.fill(0xa5, place, place + 4096);
      expect(await refused(changed), String(share)).toBe('XX001');
    }
    const db = new Sqlite(at('b.db'));
    db.exec('DELETE FROM block WHERE id = (SELECT min(id) FROM block)');
    db.close();
    expect(await refused(readFileSync(at('b.db')))).toBe('XX001');
    expect(existsSync(at('c'))).toBe(false);
    writeFileSync(at('b.db'), good);
    mkdirSync(at('full'));
    writeFileSync(at('full/x'), '');
    expect(await stateOf(Promise.resolve().then(() => restoreBackup(at('b.db'), at('full'))))).toBe('55000');
    expect(await stateOf(Promise.resolve().then(() => restoreBackup(at('none.db'), at('c'))))).toBe('58P01');
  });

  it('by a server of the future is refused, of a view format of the future restored', async () => {
    const a = await start('a');
    await fill(a);
    const rows = dump(a.server.database)['public.t'];
    await a.tags(`BACKUP TO '${at('b.db')}'`);
    rewriteDescription(at('b.db'), (d) => ({ ...d, format: 99 }));
    expect(await stateOf(Promise.resolve().then(() => restoreBackup(at('b.db'), at('b'))))).toBe('55000');
    rewriteDescription(at('b.db'), (d) => ({ ...d, format: 1, viewFormat: 99 }));
    restoreBackup(at('b.db'), at('b'));
    const lines: string[] = [];
    const b = await start('b', undefined, lines);
    expect(dump(b.server.database)['public.t']).toEqual(rows);
    expect(lines).toEqual([
      'materialized view "by_k" was built again: its state has format 99, this server\'s is 1',
    ]);
    expect(await b.rows('SELECT views_rebuilt, reasons FROM millrace_catalog.recovery')).toEqual([
      ['{by_k}', '{"its state has format 99, this server\'s is 1"}'],
    ]);
    expect(await b.rows('SELECT k, c, s FROM by_k ORDER BY k')).toEqual(
      await a.rows('SELECT k, count(*), sum(n) FROM t GROUP BY k ORDER BY k'),
    );
  });
});

function rewriteDescription(path: string, change: (d: object) => object): void {
  const db = new Sqlite(path);
  db.function('crc', (text) => crc32(String(text)));
  const text = db.prepare('SELECT description FROM checkpoint').pluck().get();
  const changed = JSON.stringify(change(JSON.parse(String(text)) as object));
  db.prepare('UPDATE checkpoint SET description = ?, crc = crc(?)').run(changed, changed);
  db.close();
}

describe('named backups', () => {
  it('are kept, listed, dropped', async () => {
    let a = await start('a');
    await fill(a);
    expect(await a.tags('BACKUP AS one; BACKUP AS "../Zwei.db"')).toEqual(['BACKUP', 'BACKUP']);
    expect(await a.state('BACKUP AS one')).toBe('42710');
    const names = async (): Promise<unknown> => (await a.rows('SHOW BACKUPS')).map(([name]) => name);
    expect(await names()).toEqual(['../Zwei.db', 'one']);
    expect(readdirSync(at('a/backups')).sort()).toEqual(['%2E%2E%2FZwei%2Edb.db', 'one.db']);
    await stop(a);
    writeFileSync(at('a/backups/three.db.part-1'), 'left behind');
    a = await start('a');
    expect(await names()).toEqual(['../Zwei.db', 'one']);
    expect(readdirSync(at('a/backups'))).toHaveLength(2);
    const shown = await a.rows(
      "SELECT name, bytes > 10000, checkpoint, error FROM millrace_catalog.backups WHERE name = 'one'",
    );
    expect(shown).toEqual([['one', 't', '1', null]]);
    expect(await a.tags('DROP BACKUP "../Zwei.db"; DROP BACKUP IF EXISTS x')).toEqual(['DROP', 'DROP']);
    expect(await a.state('DROP BACKUP x')).toBe('42704');
    expect(await names()).toEqual(['one']);
    writeFileSync(at('a/backups/broken.db'), 'nonsense');
    expect((await a.rows('SHOW BACKUPS')).map((r) => [r[0], r[4]])).toEqual([
      ['broken', expect.stringContaining('is not a backup')],
      ['one', null],
    ]);
  });

  it('are gone back to, and the state until then is kept', async () => {
    let a = await start('a');
    await fill(a);
    await a.tags('BACKUP AS good');
    const good = dump(a.server.database);
    await a.tags('DELETE FROM t WHERE id > 10; DROP MATERIALIZED VIEW by_k');
    const bad = dump(a.server.database);
    await stop(a);
    const lines: string[] = [];
    a = await start('a', 'good', lines);
    expect(dump(a.server.database)).toEqual(good);
    const kept =
      /^the state until now is kept as backup "(before_good_\d{8}T\d{6})"$/.exec(lines[0] ?? '')?.[1] ?? '';
    expect(lines[1]).toBe('starting from backup "good"');
    expect((await a.rows('SHOW BACKUPS')).map(([name]) => name)).toEqual([kept, 'good']);
    await a.tags('INSERT INTO t VALUES (-1, 0, 0)');
    await stop(a);
    a = await start('a', kept);
    expect(dump(a.server.database)).toEqual(bad);
    await stop(a);
    await expect(start('a', 'none')).rejects.toThrow('backup "none" does not exist');
  });

  it('save a directory that cannot be read any more', async () => {
    let a = await start('a');
    await fill(a);
    await a.tags('BACKUP AS good');
    const good = dump(a.server.database);
    await a.tags('INSERT INTO t VALUES (-1, 0, 0)');
    await stop(a);
    writeFileSync(at('a/state.db'), 'nonsense'.repeat(4096));
    await expect(start('a')).rejects.toThrow('checkpoint');
    const lines: string[] = [];
    a = await start('a', 'good', lines);
    expect(lines[0]).toContain('cannot be read');
    expect(dump(a.server.database)).toEqual(good);
    const aside = readdirSync(at('a')).find((name) => name.startsWith('before_good')) ?? '';
    expect(readFileSync(at(`a/${aside}/state.db`), 'utf8')).toContain('nonsense');
  });

  it('are not gone back to while another server has the directory', async () => {
    const a = await start('a');
    await a.tags('BACKUP AS good');
    await expect(start('a', 'good')).rejects.toThrow('in use by another server');
    expect(await a.value('SELECT 1')).toBe('1');
  });
});
