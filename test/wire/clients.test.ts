/** A real listener over the fake session, driven by the drivers people use. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import Cursor from 'pg-cursor';
import { serialize } from 'pg-protocol';
import QueryStream from 'pg-query-stream';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { must } from '../../common/assert.ts';
import { arrayOf, types } from '../../common/dataType.ts';
import { parseValue } from '../../common/textIo.ts';
import { type FakeServer, startFakeServer } from './fakeServer.ts';
import { column, type FakeStatements, plainContext } from './fakeSession.ts';

const allTypes = [
  ['b', types.bool, 't'],
  ['i2', types.int2, '-7'],
  ['i8', types.int8, '9007199254740993'],
  ['f8', types.float8, '0.1'],
  ['n', types.numeric, '12345.678900'],
  ['s', types.text, 'é😀'],
  ['raw', types.bytea, '\\x00ff'],
  ['d', types.date, '2024-02-29'],
  ['ts', types.timestamp, '2024-02-29 12:34:56.789'],
  ['tz', types.timestamptz, '2024-02-29 12:34:56.789+00'],
  ['j', types.jsonb, '{"a": [1, 2]}'],
  ['u', types.uuid, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  ['a', arrayOf(types.int4), '{1,2,NULL}'],
] as const;

const statements: FakeStatements = [
  [
    /^all types$/,
    () => ({
      columns: allTypes.map(([name, type]) => column(name, type)),
      rows: () => [allTypes.map(([, type, text]) => parseValue(text, type, plainContext))],
    }),
  ],
  [
    /^select \$1::int8\s*,\s*\$2::timestamptz\s*,\s*\$3::bool\s*,\s*\$4::int4\[\]$/,
    () => ({
      parameterTypes: [types.int8, types.timestamptz, types.bool, arrayOf(types.int4)],
      columns: [
        column('a', types.int8),
        column('b', types.timestamptz),
        column('c', types.bool),
        column('d', arrayOf(types.int4)),
      ],
      rows: (parameters) => [parameters],
    }),
  ],
];

let server: FakeServer;
beforeAll(async () => {
  server = await startFakeServer({}, statements);
});
afterAll(() => server.listener.close());

const config = (): pg.ClientConfig => ({
  host: '127.0.0.1',
  port: server.port,
  user: 'root',
  database: 'dev',
});

async function withClient<T>(use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(config());
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

describe('pg', () => {
  it('runs simple and parameterised queries', () =>
    withClient(async (client) => {
      expect((await client.query('select 42')).rows).toEqual([{ '?column?': 42 }]);
      expect((await client.query('echo int4 $1, text $2', [7, 'é'])).rows).toEqual([{ a: 7, b: 'é' }]);
      const named = { name: 'n1', text: 'echo int4 $1, text $2', values: [1, null] };
      expect((await client.query(named)).rows).toEqual([{ a: 1, b: null }]);
      expect((await client.query(named)).rows).toEqual([{ a: 1, b: null }]);
    }));

  it('reads all types as text', () =>
    withClient(async (client) => {
      const { rows, fields } = await client.query({ text: 'all types', rowMode: 'array' });
      expect(fields.map((f) => f.name)).toEqual(allTypes.map(([name]) => name));
      expect(rows[0]).toEqual([
        true,
        -7,
        '9007199254740993',
        0.1,
        '12345.678900',
        'é😀',
        Buffer.of(0, 255),
        new Date(2024, 1, 29),
        new Date(2024, 1, 29, 12, 34, 56, 789),
        new Date('2024-02-29T12:34:56.789Z'),
        { a: [1, 2] },
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
        [1, 2, null],
      ]);
    }));

  it('reads binary results', () =>
    withClient(async (client) => {
      const query = new pg.Query({ text: 'all types', values: [], binary: true, rowMode: 'array' } as never);
      const [row] = await new Promise<unknown[][]>((resolve, reject) => {
        const rows: unknown[][] = [];
        query.on('row', (r) => rows.push(r as unknown as unknown[]));
        query.on('end', () => resolve(rows));
        query.on('error', reject);
        client.query(query);
      });
      expect(must(row).slice(0, 4)).toEqual([true, -7, '9007199254740993', 0.1]);
    }));

  it('gets errors with their fields, and goes on', () =>
    withClient(async (client) => {
      await expect(client.query('oops')).rejects.toMatchObject({
        code: '42601',
        position: '1',
        severity: 'ERROR',
      });
      await expect(client.query('echo int4 $1, text $2', ['x', ''])).rejects.toMatchObject({ code: '22P02' });
      expect((await client.query('select 1')).rowCount).toBe(1);
    }));

  it('pipelines queries, with an error in the middle', () =>
    withClient(async (client) => {
      const results = await Promise.allSettled([
        client.query('select 1'),
        client.query('oops'),
        client.query('echo int4 $1, text $2', [2, 'x']),
      ]);
      expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    }));

  it('reads rows by cursor', () =>
    withClient(async (client) => {
      const cursor = client.query(new Cursor('series 250'));
      expect(await cursor.read(100)).toHaveLength(100);
      expect(await cursor.read(100)).toHaveLength(100);
      expect((await cursor.read(100)).at(-1)).toEqual({ i: 250, s: 'row 250' });
      expect(await cursor.read(100)).toEqual([]);
      await cursor.close();
    }));

  it('streams rows', () =>
    withClient(async (client) => {
      let count = 0;
      for await (const row of client.query(new QueryStream('series 5000', [], { batchSize: 64 }))) {
        count++;
        expect(row.i).toBe(count);
      }
      expect(count).toBe(5000);
    }));

  it('copies in and out', () =>
    withClient(async (client) => {
      const into = client.query(copyFrom('copy t from stdin'));
      await pipeline(Readable.from(['1\to', 'ne\n2\t\\N\n', '3\tx']), into);
      expect(into.rowCount).toBe(3);
      expect(server.factory.last.log.slice(-3)).toEqual([
        'copied ["1","one"]',
        'copied ["2",null]',
        'copied ["3","x"]',
      ]);
      const chunks: Buffer[] = [];
      for await (const chunk of client.query(copyTo('copy 3000 to stdout'))) chunks.push(chunk);
      expect(Buffer.concat(chunks).toString().split('\n')).toHaveLength(3001);
    }));

  it('copies a great deal in without losing any', () =>
    withClient(async (client) => {
      const line = `1\t${'y'.repeat(1000)}\n`;
      const into = client.query(copyFrom('copy t from stdin'));
      await pipeline(Readable.from(new Array<string>(5000).fill(line)), into);
      expect(into.rowCount).toBe(5000);
    }));

  it('gets an error in the middle of copying in', () =>
    withClient(async (client) => {
      const into = client.query(copyFrom('copy t from stdin'));
      await expect(pipeline(Readable.from(['1\n', '2\tx\n']), into)).rejects.toMatchObject({ code: '22P04' });
      expect((await client.query('select 1')).rowCount).toBe(1);
    }));

  it('receives notices and parameter changes', () =>
    withClient(async (client) => {
      const notice = once(client, 'notice');
      await client.query('notify me');
      expect((await notice)[0]).toMatchObject({ message: 'hello', severity: 'NOTICE', hint: 'look' });
    }));
});

describe('postgres.js', () => {
  it('runs queries with typed parameters, transactions and cursors', async () => {
    const sql = postgres({
      host: '127.0.0.1',
      port: server.port,
      user: 'root',
      database: 'dev',
      max: 1,
      fetch_types: false,
    });
    const when = new Date('2024-02-29T12:00:00Z');
    const [row] = await sql.unsafe('select $1::int8, $2::timestamptz, $3::bool, $4::int4[]', [
      '9007199254740993',
      when,
      true,
      '{1,2}',
    ]);
    expect(row).toMatchObject({ a: '9007199254740993', b: when, c: true });
    await sql.begin(async (tx) => {
      expect(await tx.unsafe('select 3')).toHaveLength(1);
    });
    const sizes: number[] = [];
    await sql.unsafe('series 25').cursor(10, (rows) => {
      sizes.push(rows.length);
    });
    expect(sizes).toEqual([10, 10, 5]);
    await expect(sql.unsafe('oops')).rejects.toMatchObject({ code: '42601' });
    await sql.end();
  });

  it('cancels a query', async () => {
    const sql = postgres({
      host: '127.0.0.1',
      port: server.port,
      user: 'root',
      database: 'dev',
      max: 1,
      fetch_types: false,
    });
    await sql.unsafe('select 1');
    const session = server.factory.last;
    const query = sql.unsafe('sleep');
    query.catch(() => undefined);
    query.execute();
    while (!session.log.some((line) => line.includes('sleep')))
      await new Promise((resolve) => setTimeout(resolve, 5));
    query.cancel();
    await expect(query).rejects.toMatchObject({ code: '57014' });
    await sql.end();
  });
});

describe('listener', () => {
  it('refuses a client too many, and has room again', async () => {
    const small = await startFakeServer({ maxConnections: 1 });
    const options = { ...config(), port: small.port };
    const first = new pg.Client(options);
    await first.connect();
    await expect(new pg.Client(options).connect()).rejects.toMatchObject({ code: '53300' });
    await first.end();
    while (small.listener.connectionCount() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const second = new pg.Client(options);
    await second.connect();
    await second.end();
    await small.listener.close();
  });

  it('cuts off a client that does not finish start-up', async () => {
    const small = await startFakeServer({ startupTimeoutMs: 20 });
    const socket = connect(small.port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    await once(socket, 'end');
    expect(Buffer.concat(chunks).toString()).toContain('canceling authentication due to timeout');
    socket.destroy();
    await small.listener.close();
  });

  it('ignores a CancelRequest with a wrong key', () =>
    withClient(async (client) => {
      const { processID } = client as unknown as { processID: number };
      const socket = connect(server.port, '127.0.0.1');
      socket.end(serialize.cancel(processID, 1));
      socket.resume();
      await once(socket, 'close');
      expect(server.factory.last.cancelled).toBe(false);
    }));

  it('malformed bytes end one connection and disturb no other', () =>
    withClient(async (client) => {
      const socket = connect(server.port, '127.0.0.1');
      socket.write(serialize.startup({ user: 'root' }));
      await once(socket, 'data');
      socket.write(Buffer.from('ffffffffffffffff', 'hex'));
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString()).toContain('invalid frontend message type 255');
      await once(socket, 'end');
      socket.destroy();
      expect((await client.query('select 1')).rowCount).toBe(1);
    }));

  it('holds rows back from a client that does not read', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.write(serialize.startup({ user: 'root' }));
    await once(socket, 'data');
    socket.pause();
    const session = server.factory.last;
    socket.write(serialize.query('series 1000000 wide'));
    while (!session.log.some((line) => line.includes('wide')))
      await new Promise((resolve) => setTimeout(resolve, 5));
    // The server still serves others while this client stalls, and notices when it goes.
    await withClient((client) => client.query('select 1'));
    socket.destroy();
    while (session.closed === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(session.cancelled).toBe(true);
  });

  it('ends all connections when it closes', async () => {
    const small = await startFakeServer();
    const client = new pg.Client({ ...config(), port: small.port });
    await client.connect();
    const error = once(client, 'error');
    client.on('error', () => undefined);
    await small.listener.close();
    expect((await error)[0]).toMatchObject({ code: '57P01' });
    expect(small.factory.last.closed).toBe(1);
  });

  it('rejects when the port is taken', async () => {
    await expect(
      import('../../wire/listener.ts').then(({ startListener }) =>
        startListener({
          host: '127.0.0.1',
          port: server.port,
          factory: server.factory,
          newSecretKey: () => 1,
          onInternalError: () => undefined,
        }),
      ),
    ).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
