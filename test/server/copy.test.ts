/** COPY in and out with psql and pg-copy-streams. */
import { spawnSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import copyStreams from 'pg-copy-streams';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServedProgram, startProgram } from '../harness/server.ts';
import { type Connection, Connections } from './clients.ts';

let server: ServedProgram;
let connections: Connections;
let a: Connection;

beforeAll(async () => {
  server = await startProgram(['--in-memory']);
  connections = new Connections(server.url);
  a = await connections.connect();
  await a.tags('CREATE TABLE t (id int PRIMARY KEY, a numeric(6,2), b text, c timestamp)');
  await a.tags('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n, sum(a) AS s FROM t');
});

afterAll(async () => {
  await connections.close();
  await server.close();
});

const hasPsql = spawnSync('psql', ['--version']).status === 0;

function psql(command: string, input = ''): { readonly out: string; readonly error: string } {
  const done = spawnSync('psql', [server.url, '-X', '-q', '-v', 'VERBOSITY=verbose', '-c', command], {
    input,
    encoding: 'utf8',
  });
  return { out: done.stdout, error: done.stderr };
}

async function copyIn(sql: string, data: string): Promise<void> {
  await pipeline(Readable.from([Buffer.from(data)]), a.client.query(copyStreams.from(sql)));
}

describe('COPY FROM STDIN', () => {
  it('takes text with its escapes and shows the rows in views', async () => {
    await copyIn('COPY t FROM STDIN', '1\t1.5\tx\\ty\\\\z\\n\t2024-01-01 10:00:00\n2\t\\N\t\\N\t\\N\n');
    expect(await a.rows('TABLE t ORDER BY id')).toEqual([
      ['1', '1.50', 'x\ty\\z\n', '2024-01-01 10:00:00'],
      ['2', null, null, null],
    ]);
    expect(await a.rows('SELECT * FROM v')).toEqual([['2', '1.50']]);
    await a.tags('DELETE FROM t');
  });

  it('takes CSV with header, quotes and a column list', async () => {
    await copyIn(
      "COPY t (b, id) FROM STDIN WITH (FORMAT csv, HEADER true, NULL 'nil')",
      'b,id\n"a ""quoted"", text\nover lines",1\nnil,2\n"nil",3\n',
    );
    expect(await a.rows('SELECT id, b, a FROM t ORDER BY id')).toEqual([
      ['1', 'a "quoted", text\nover lines', null],
      ['2', null, null],
      ['3', 'nil', null],
    ]);
    await a.tags('DELETE FROM t');
  });

  it('says where a bad field is and leaves nothing', async () => {
    await a.tags('INSERT INTO t (id) VALUES (100)');
    const bad = copyIn('COPY t FROM STDIN', '1\t1\tx\t\\N\n2\tnumber\tx\t\\N\n');
    await expect(bad).rejects.toMatchObject({
      code: '22P02',
      message: 'invalid input syntax for type numeric: "number"',
      where: 'COPY t, line 2, column a: "number"',
    });
    await expect(copyIn('COPY t FROM STDIN', '1\t1\n')).rejects.toMatchObject({ code: '22P04' });
    await expect(copyIn('COPY t FROM STDIN', '\\N\t1\tx\t\\N\n')).rejects.toMatchObject({ code: '23502' });
    expect(await a.rows('SELECT id FROM t')).toEqual([['100']]);
    await a.tags('DELETE FROM t');
  });

  it('belongs to its transaction', async () => {
    await a.tags('BEGIN');
    await copyIn('COPY t (id) FROM STDIN', '1\n2\n');
    expect(await a.value('SELECT count(*) FROM t')).toBe('2');
    await a.tags('ROLLBACK');
    expect(await a.value('SELECT n FROM v')).toBe('0');
  });

  it('takes 20,000 rows', async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `${i}\t${i % 100}\tname ${i}\t\\N\n`).join('');
    await copyIn('COPY t FROM STDIN', lines);
    expect(await a.rows('SELECT * FROM v')).toEqual([['20000', '990000.00']]);
    const out = await text(a.client.query(copyStreams.to('COPY (SELECT id FROM t ORDER BY id) TO STDOUT')));
    expect(out).toBe(Array.from({ length: 20_000 }, (_, i) => `${i}\n`).join(''));
    await a.tags('DELETE FROM t');
  });
});

describe('psql', () => {
  it('copies in and out', () => {
    expect(hasPsql || process.env.MILLRACE_REQUIRE_SERVERS !== '1', 'psql is not installed').toBe(true);
    if (!hasPsql) return;
    expect(psql('\\copy t from stdin csv', '1,1.25,"a,b",\n2,,,2024-01-01\n').error).toBe('');
    expect(psql('\\copy (select * from t order by id) to stdout csv header').out).toBe(
      'id,a,b,c\n1,1.25,"a,b",\n2,,,2024-01-01 00:00:00\n',
    );
    expect(psql('copy t to stdout').out.split('\n').sort()).toEqual([
      '',
      '1\t1.25\ta,b\t\\N',
      '2\t\\N\t\\N\t2024-01-01 00:00:00',
    ]);
    expect(psql('\\copy t from stdin', 'x\n').error).toContain('22P04');
    expect(psql('copy nothing from stdin').error).toContain('42P01');
    expect(psql('select n from v').out).toContain('2');
  });
});
