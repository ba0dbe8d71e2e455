/** What a server that is starting tells: HTTP how far it is, clients to come again, the log and the catalog how it went. */
import { cpSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RecoveryProgress } from '../../../server/checkpoint/progress.ts';
import { type RunningServer, startServer } from '../../../server/serve.ts';
import { Connection } from '../clients.ts';
import { temporaryDirectory } from '../journal/support.ts';

let directory: { readonly path: string; remove(): void };
let server: RunningServer | null = null;

beforeEach(() => {
  directory = temporaryDirectory('starting');
});

afterEach(async () => {
  await server?.close();
  server = null;
  directory.remove();
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const socket = createServer().listen(0, '127.0.0.1', () => {
      const address = socket.address();
      socket.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function start(name: string, port = 0, httpPort = 0): Promise<RunningServer> {
  server = await startServer({
    host: '127.0.0.1',
    port,
    httpPort,
    dataDir: join(directory.path, name),
    checkpointIntervalMs: Number.POSITIVE_INFINITY,
    log: () => {},
  });
  return server;
}

async function connect(port: number): Promise<Connection> {
  const connection = new Connection(`postgres://root@127.0.0.1:${port}/dev`);
  await connection.client.connect();
  return connection;
}

describe('a server', () => {
  it('listens while it starts, and says so', async () => {
    const { pgPort } = await start('a');
    const a = await connect(pgPort);
    await a.tags('CREATE TABLE t (id int)');
    // Takes a while to be computed again.
    await a.tags(
      'CREATE FUNCTION slow(a int) RETURNS int LANGUAGE javascript IMMUTABLE AS $$ let x = a; for (let i = 0; i < 100000; i++) x = (x * 31 + i) | 0; return x; $$',
    );
    await a.tags('CREATE MATERIALIZED VIEW v AS SELECT id, slow(id) AS s FROM t');
    for (let i = 0; i < 60; i++) await a.tags(`INSERT INTO t VALUES (${i})`);
    cpSync(join(directory.path, 'a'), join(directory.path, 'b'), { recursive: true });
    await a.end();
    await server?.close();
    const [port, httpPort] = [await freePort(), await freePort()];
    const starting = start('b', port, httpPort);
    const url = `http://127.0.0.1:${httpPort}`;
    const first = await fetch(`${url}/readyz`);
    expect([first.status, await first.text()]).toEqual([503, expect.stringMatching(/^recovering \d+ %\n$/)]);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    await expect(connect(port)).rejects.toMatchObject({
      code: '57P03',
      severity: 'FATAL',
      message: 'the database system is starting up',
    });
    await starting;
    const last = await fetch(`${url}/readyz`);
    expect([last.status, await last.text()]).toEqual([200, 'ready\n']);
    const b = await connect(port);
    expect(await b.value('SELECT count(*) FROM v')).toBe('60');
    expect(
      await b.rows('SELECT phase, progress, checkpoint, records_replayed FROM millrace_catalog.recovery'),
    ).toEqual([['done', '1', null, '63']]);
    await b.end();
  });

  it('shows its checkpoints and how it has started', async () => {
    let a = await connect((await start('a')).pgPort);
    await a.tags('CREATE TABLE t (id int)');
    await a.tags('SET synchronous_commit = off; INSERT INTO t SELECT generate_series(1, 100)');
    await a.tags('FLUSH');
    expect(server?.database.journal?.syncedSeq).toBe(server?.database.journal?.lastSeq);
    await a.tags('CHECKPOINT');
    await a.tags('BEGIN; INSERT INTO t VALUES (-1); CHECKPOINT; ROLLBACK');
    for (let i = 0; i < 40; i++) await a.tags('CHECKPOINT');
    const shown = await a.rows(
      'SELECT count(*), min(number), max(number), min(blocks) FILTER (WHERE number > 11), max(error), bool_and(total_time >= freeze_time) FROM millrace_catalog.checkpoints',
    );
    expect(shown).toEqual([['32', '11', '42', '0', null, 't']]);
    await a.tags('INSERT INTO t VALUES (0)');
    cpSync(join(directory.path, 'a'), join(directory.path, 'b'), { recursive: true });
    await a.end();
    await server?.close();
    a = await connect((await start('b')).pgPort);
    expect(await a.value('SELECT count(*) FROM t')).toBe('101');
    const [recovery] = await a.rows('SHOW RECOVERY');
    expect([recovery?.slice(0, 3), recovery?.slice(6)]).toEqual([
      ['done', '1', '42'],
      ['1', '0'],
    ]);
    await a.end();
  });
});

describe('the progress of a start', () => {
  it('is told every five seconds, and lets others have their turn', async () => {
    let now = 0n;
    let turns = 0;
    const lines: string[] = [];
    const progress = new RecoveryProgress(
      () => now,
      (line) => lines.push(line),
      () => Promise.resolve(turns++),
    );
    expect(progress.text).toBe('recovering 0 %');
    progress.begin('journal', 1000);
    for (let i = 0; i < 1000; i++) {
      now += 10_000n;
      progress.step();
      await progress.turn();
    }
    expect(turns).toBe(500);
    progress.begin('done', 0);
    expect(progress.text).toBe('ready');
    expect(lines).toEqual([
      'recovering 75 % (500 of 1000 records of the journal)',
      'recovering 100 % (1000 of 1000 records of the journal)',
      'recovered in 10 s',
    ]);
  });
});
