/** Topics as SQL sees them: a server of its own over a real broker. */
import { describe, expect, it } from 'vitest';
import { createTopic, deleteRecords, produce, produceTransactions } from '../../harness/kafka.ts';
import { useKafka } from '../../harness/useKafka.ts';
import { bids, useSqlServer } from './sqlServer.ts';

const kafka = useKafka();
const sql = useSqlServer(kafka);

describe('a view over a topic', () => {
  it('shows nothing of aborted transactions, and what a message carries besides its value', async () => {
    const broker = kafka();
    if (broker === null) return;
    await createTopic(broker, 'carried', 1);
    await produceTransactions(broker, 'carried', 'sql-txn', [
      { messages: bids(0, 5), end: 'abort' },
      {
        messages: [
          { key: 'k', value: '{"auction": 7}', timestamp: 1_700_000_000_500, headers: { trace: 'x1' } },
        ],
        end: 'commit',
      },
      { messages: bids(0, 5), end: 'abort' },
    ]);
    await sql.run(
      `CREATE SOURCE s (auction int) INCLUDE key AS k INCLUDE timestamp AS at INCLUDE partition AS p INCLUDE offset AS o
       INCLUDE header 'trace' AS trace INCLUDE payload AS whole ${sql.withKafka('carried')} FORMAT PLAIN ENCODE JSON`,
    );
    await sql.expectRows(
      "SELECT auction, encode(k, 'escape'), at AT TIME ZONE 'UTC' = '2023-11-14 22:13:20.5', p, o, encode(trace, 'escape'), whole::text FROM s",
      ['7 | k | true | 0 | 6 | x1 | {"auction": 7}'],
    );
  });
});

describe('an upsert table', () => {
  it('keeps the last value of each key; a tombstone deletes it', async () => {
    const broker = kafka();
    if (broker === null) return;
    await createTopic(broker, 'users', 1);
    await produce(broker, 'users', [
      { key: '{"id": 1}', value: '{"id": 1, "name": "a"}' },
      { key: '{"id": 2}', value: '{"id": 2, "name": "b"}' },
      { key: '{"id": 1}', value: '{"id": 1, "name": "c"}' },
      { key: '{"id": 2}', value: null },
      { key: '{"id": 3}', value: '{"id": 3, "name": "d"}' },
    ]);
    await sql.run(
      `CREATE TABLE users (id int PRIMARY KEY, name text) ${sql.withKafka('users')} FORMAT UPSERT ENCODE JSON`,
    );
    await sql.expectRows('SELECT * FROM users ORDER BY id', ['1 | c', '3 | d']);
    await sql.run('CREATE MATERIALIZED VIEW names AS SELECT count(*) AS n, max(name) AS m FROM users');
    await sql.kill();
    await sql.start();
    await produce(broker, 'users', [{ key: '{"id": 3}', value: null }]);
    await sql.expectRows('SELECT * FROM names', ['1 | c']);
  }, 120_000);
});

describe('where reading begins, and messages that are gone', () => {
  it('begins at the end or at a time', async () => {
    const broker = kafka();
    if (broker === null) return;
    await createTopic(broker, 'begins', 1);
    const at = (price: number) => ({
      value: JSON.stringify({ price }),
      timestamp: 1_700_000_000_000 + price,
    });
    await produce(broker, 'begins', [at(1), at(2), at(3)]);
    const create = (name: string, more: Readonly<Record<string, string>>): Promise<unknown> =>
      sql.run(`CREATE SOURCE ${name} (price int) ${sql.withKafka('begins', more)} FORMAT PLAIN ENCODE JSON`);
    await create('latest', { 'scan.startup.mode': 'latest' });
    await create('timed', {
      'scan.startup.mode': 'timestamp',
      'scan.startup.timestamp.millis': '1700000000002',
    });
    await sql.expectRows('SELECT price FROM timed ORDER BY 1', ['2', '3']);
    await sql.expectRows("SELECT position FROM millrace_catalog.source_partitions WHERE source = 'latest'", [
      '3',
    ]);
    await produce(broker, 'begins', [at(4)]);
    await sql.expectRows('SELECT price FROM latest ORDER BY 1', ['4']);
    await sql.expectRows('SELECT price FROM timed ORDER BY 1', ['2', '3', '4']);
  });

  it('stops where retention was faster, says so, and goes on when told to', async () => {
    const broker = kafka();
    if (broker === null) return;
    await createTopic(broker, 'overrun', 1);
    await produce(broker, 'overrun', bids(0, 10));
    await sql.run(
      `CREATE SOURCE overrun (auction int, price bigint) ${sql.withKafka('overrun')} FORMAT PLAIN ENCODE JSON`,
    );
    await sql.expectRows('SELECT count(*) FROM overrun', ['10']);
    await sql.stop();
    await produce(broker, 'overrun', bids(10, 20));
    await deleteRecords(broker, 'overrun', 0, 25);
    await sql.start();
    await sql.expectRows("SELECT paused_reason FROM millrace_catalog.sources WHERE name = 'overrun'", [
      'messages of topic "overrun" are gone that were not read: partition 0 begins at offset 25 now, and 10 is next (SQLSTATE 55000)',
    ]);
    await sql.run("ALTER SOURCE overrun CONNECTOR WITH (scan.offset.out.of.range = 'earliest')");
    await sql.run('ALTER SOURCE overrun RESUME');
    await sql.expectRows('SELECT count(*), max(price) FROM overrun', ['15 | 29']);
    await sql.expectRows("SELECT note FROM millrace_catalog.source_partitions WHERE source = 'overrun'", [
      '15 messages were gone before they were read',
    ]);
  }, 120_000);

  it('refuses what cannot be read', async () => {
    if (kafka() === null) return;
    const refused = async (statement: string): Promise<unknown> => {
      try {
        await sql.run(statement);
        return null;
      } catch (error) {
        return error;
      }
    };
    expect(
      await refused(`CREATE SOURCE x (a int) ${sql.withKafka('none')} FORMAT PLAIN ENCODE JSON`),
    ).toMatchObject({
      code: '42704',
      message: 'topic "none" does not exist',
    });
    expect(
      await refused(
        `CREATE SOURCE x (a int) ${sql.withKafka('none', { 'scan.startup.mode': 'never' })} FORMAT PLAIN ENCODE JSON`,
      ),
    ).toMatchObject({ code: '22023' });
  });
});
