/** The state machine beside the conversations: start-up, ends, slow and lost clients, cancellation, our own mistakes. */
import fc from 'fast-check';
import { serialize } from 'pg-protocol';
import { describe, expect, it } from 'vitest';
import { SqlError } from '../../common/sqlError.ts';
import { printAnswers } from './conversation.ts';
import { FakeFactory } from './fakeSession.ts';
import { type MemoryClient, openMemoryClient, settleTurns } from './memoryTransport.ts';

const startup = (parameters: Record<string, string> = {}): Buffer =>
  serialize.startup({ user: 'root', database: 'dev', ...parameters });

interface Opened extends MemoryClient {
  readonly factory: FakeFactory;
  /** Sends messages and returns the answers. */
  ask(...messages: readonly Buffer[]): Promise<readonly string[]>;
}

async function open(changes: Parameters<typeof openMemoryClient>[1] = {}): Promise<Opened> {
  const factory = new FakeFactory();
  const client = openMemoryClient(factory, changes);
  client.send(startup());
  await client.settle();
  return {
    ...client,
    factory,
    ask: async (...messages) => {
      client.send(Buffer.concat(messages));
      return printAnswers(await client.settle());
    },
  };
}

describe('start-up', () => {
  it('reports parameters, key and readiness', async () => {
    const client = openMemoryClient(new FakeFactory());
    client.send(startup({ application_name: 'test' }));
    const answers = printAnswers(await client.settle());
    expect(answers[0]).toBe('< AuthenticationOk');
    expect(answers).toContain('< ParameterStatus server_version=15.0');
    expect(answers).toContain('< ParameterStatus application_name=test');
    expect(answers.slice(-2)).toEqual(['< BackendKeyData', '< ReadyForQuery I']);
  });

  it('refuses encryption and goes on', async () => {
    const client = openMemoryClient(new FakeFactory());
    client.send(serialize.requestSsl());
    expect((await client.settle()).toString()).toBe('N');
    client.send(Buffer.from('0000000804d21630', 'hex'));
    expect((await client.settle()).toString()).toBe('N');
    client.send(startup());
    expect(printAnswers(await client.settle()).at(-1)).toBe('< ReadyForQuery I');
  });

  it('hands a CancelRequest on and ends without an answer', async () => {
    const client = openMemoryClient(new FakeFactory());
    client.send(serialize.cancel(7, 1234));
    expect(await client.settle()).toHaveLength(0);
    expect(client.cancels).toEqual([[7, 1234]]);
    await client.done;
    expect(client.transport.ended).toBe(true);
  });

  it('passes options and settings to the session', async () => {
    const factory = new FakeFactory();
    const client = openMemoryClient(factory);
    client.send(
      startup({
        options: '-c TimeZone=Europe/Berlin -csearch_path=a\\ b --statement-timeout=5',
        DateStyle: 'ISO',
      }),
    );
    await client.settle();
    expect(factory.last.startup).toMatchObject({ user: 'root', database: 'dev' });
    expect(Object.fromEntries(factory.last.startup.settings)).toMatchObject({
      TimeZone: 'Europe/Berlin',
      search_path: 'a b',
      statement_timeout: '5',
      DateStyle: 'ISO',
    });
  });

  const refusals: readonly (readonly [string, Buffer, string])[] = [
    [
      'no user',
      serialize.startup({ database: 'dev' }),
      'FATAL 28000 no PostgreSQL user name specified in startup packet',
    ],
    ['unknown user', startup({ user: 'nobody' }), 'FATAL 28000 role "nobody" does not exist'],
    [
      'other encoding',
      Buffer.from(startup().toString('latin1').replace('UTF8', 'KOI8'), 'latin1'),
      'FATAL 22023 invalid value for parameter "client_encoding": "KOI8"',
    ],
    [
      'replication',
      startup({ replication: 'true' }),
      'FATAL 0A000 replication connections are not supported',
    ],
    [
      'protocol 2',
      Buffer.from('0000000800020000', 'hex'),
      'FATAL 0A000 unsupported frontend protocol 2.0: server supports 3.0 to 3.0',
    ],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'FATAL 08P01 invalid length of startup packet'],
  ];
  it.each(refusals)('refuses %s', async (_name, bytes, expected) => {
    const client = openMemoryClient(new FakeFactory());
    client.send(bytes);
    const answers = printAnswers(await client.settle());
    expect(answers).toHaveLength(1);
    expect(answers[0]).toContain(`< ErrorResponse ${expected}`);
    await client.done;
    expect(client.transport.ended).toBe(true);
  });

  it('refuses when the server is full', async () => {
    const client = openMemoryClient(new FakeFactory(), {
      admit: () => new SqlError('53300', 'sorry, too many clients already'),
    });
    client.send(startup());
    expect(printAnswers(await client.settle())[0]).toContain('FATAL 53300 sorry, too many clients already');
  });

  it('answers a newer minor version with the one it speaks', async () => {
    const client = openMemoryClient(new FakeFactory());
    const bytes = startup({ '_pq_.fancy': '1' });
    bytes.writeUInt16BE(2, 6);
    client.send(bytes);
    const answer = await client.settle();
    expect(answer.toString('latin1', 0, 1)).toBe('v');
    expect(answer.includes(Buffer.from('_pq_.fancy\0'))).toBe(true);
  });
});

describe('the end of a connection', () => {
  it('Terminate closes the session once', async () => {
    const client = await open();
    client.send(serialize.end());
    await client.done;
    expect(client.factory.last.closed).toBe(1);
    expect(client.transport.ended).toBe(true);
  });

  it('messages sent before the end of input are still answered', async () => {
    const client = await open();
    client.send(serialize.query('select 5'));
    client.send(serialize.query('select 6'));
    client.connection.ended();
    expect(printAnswers(await client.settle()).filter((l) => l.startsWith('< DataRow'))).toHaveLength(2);
    await client.done;
  });

  it('an unknown message is fatal', async () => {
    const client = await open();
    expect(await client.ask(Buffer.from('7a00000004', 'hex'))).toEqual([
      '< ErrorResponse FATAL 08P01 invalid frontend message type 122 {}',
    ]);
    await client.done;
    expect(client.factory.last.closed).toBe(1);
  });

  it('a query in place of COPY data is fatal', async () => {
    const client = await open();
    const answers = await client.ask(serialize.query('copy t from stdin'), serialize.query('select 1'));
    expect(answers.at(-1)).toContain('FATAL 08P01 unexpected message Query during COPY from stdin');
    await client.done;
  });

  it('a client lost while rows go out ends the session and frees what waits', async () => {
    const client = await open();
    client.transport.stall();
    client.send(serialize.query('series 1000000 wide'));
    await settleTurns();
    const writes = client.transport.writes;
    await settleTurns();
    expect(client.transport.writes).toBe(writes);
    client.transport.lose();
    client.connection.closed();
    await client.done;
    expect(client.factory.last.closed).toBe(1);
    expect(client.factory.last.cancelled).toBe(true);
  });

  it('a client lost during COPY ends the session', async () => {
    const client = await open();
    await client.ask(serialize.query('copy t from stdin'), serialize.copyData(Buffer.from('1\t2\n')));
    client.connection.closed();
    await client.done;
    expect(client.factory.last.closed).toBe(1);
  });

  it('terminate interrupts a running query and reports why', async () => {
    const client = await open();
    await client.ask(serialize.query('sleep'));
    client.connection.terminate(new SqlError('57P01', 'terminating connection due to administrator command'));
    const answers = printAnswers(await client.settle());
    expect(answers.at(-1)).toContain('FATAL 57P01');
    await client.done;
  });

  it('terminate ends an idle connection', async () => {
    const client = await open();
    client.factory.last.connection.terminate(
      new SqlError('57P01', 'terminating connection due to administrator command'),
    );
    expect(printAnswers(await client.settle())).toHaveLength(1);
    await client.done;
  });
});

describe('errors', () => {
  it('of ours are reported as XX000, and the connection lives', async () => {
    const client = await open();
    expect(await client.ask(serialize.query('crash'))).toEqual([
      '< ErrorResponse ERROR XX000 internal error: x is not a function {}',
      '< ReadyForQuery I',
    ]);
    expect(client.internalErrors).toHaveLength(1);
    expect((await client.ask(serialize.query('select 1'))).at(-1)).toBe('< ReadyForQuery I');
    expect(client.factory.last.log).toContain('fail XX000');
  });

  it('after rows leave the rows in place', async () => {
    const client = await open();
    const answers = await client.ask(serialize.query('half 2'));
    expect(answers.map((line) => line.split(' ')[1])).toEqual([
      'RowDescription',
      'DataRow',
      'DataRow',
      'ErrorResponse',
      'ReadyForQuery',
    ]);
  });

  it('function calls are refused by name', async () => {
    const client = await open();
    expect(await client.ask(Buffer.from('46000000060000', 'hex'))).toEqual([
      '< ErrorResponse ERROR 0A000 FUNCTION CALL is not supported {}',
      '< ReadyForQuery I',
    ]);
  });

  it('notices carry a position', async () => {
    const client = await open();
    expect((await client.ask(serialize.query('notify me')))[0]).toBe(
      '< NoticeResponse NOTICE 00000 hello {"hint":"look","position":"8"}',
    );
  });
});

describe('flow control', () => {
  it('rows wait for a slow client', async () => {
    const client = await open();
    client.transport.stall();
    client.send(serialize.query('series 20000'));
    await settleTurns();
    expect(client.transport.take().length).toBeLessThan(200_000);
    client.transport.drain();
    while (!client.transport.take().toString('latin1').endsWith('I')) await settleTurns();
  });

  it('reading stops while requests pile up, and goes on', async () => {
    const client = await open();
    client.send(serialize.query('sleep'));
    await settleTurns();
    const query = serialize.query(`select ${'1'.repeat(10)}`);
    client.send(Buffer.concat(new Array<Buffer>(20_000).fill(query)));
    expect(client.transport.reading).toBe(false);
    client.connection.cancel();
    while (!client.transport.reading) await settleTurns();
    client.connection.closed();
    await client.done;
  });

  it('cancel interrupts what runs and nothing else', async () => {
    const client = await open();
    client.connection.cancel();
    expect(client.factory.last.cancelled).toBe(false);
    await client.ask(serialize.query('sleep'));
    client.connection.cancel();
    expect(printAnswers(await client.settle())).toEqual([
      '< ErrorResponse ERROR 57014 canceling statement due to user request {}',
      '< ReadyForQuery I',
    ]);
  });
});

describe('random input', () => {
  it('never breaks the connection other than by a FATAL', async () => {
    const pieces: readonly Buffer[] = [
      serialize.query('select 1'),
      serialize.query('begin'),
      serialize.query('copy t from stdin'),
      serialize.parse({ text: 'series 3' }),
      serialize.parse({ name: 'a', text: 'echo int4 $1, text $2' }),
      serialize.bind({ statement: 'a', values: ['1', 'x'] }),
      serialize.bind({}),
      serialize.execute({ rows: 1 }),
      serialize.describe({ type: 'P' }),
      serialize.describe({ type: 'S', name: 'a' }),
      serialize.close({ type: 'S', name: 'a' }),
      serialize.sync(),
      serialize.flush(),
      serialize.copyData(Buffer.from('1\t2\n')),
      serialize.copyDone(),
      serialize.copyFail('x'),
    ];
    const input = fc.array(
      fc.oneof(
        { weight: 20, arbitrary: fc.constantFrom(...pieces) },
        { weight: 1, arbitrary: fc.uint8Array({ maxLength: 9 }) },
      ),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(input, async (messages) => {
        const client = await open();
        for (const message of messages) client.send(Buffer.from(message));
        client.connection.ended();
        await client.done;
        const answers = printAnswers(client.transport.take());
        expect(client.internalErrors).toEqual([]);
        expect(client.factory.last.closed).toBe(1);
        expect(answers.findIndex((line) => line.includes('FATAL'))).toBeOneOf([-1, answers.length - 1]);
      }),
      { numRuns: 150, seed: 5 },
    );
  });
});
