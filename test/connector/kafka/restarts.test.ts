/** A view over a topic through restarts of Millrace and of the broker: each message counts once. */
import { describe, it } from 'vitest';
import { addPartitions, createTopic, produce } from '../../harness/kafka.ts';
import { useKafka } from '../../harness/useKafka.ts';
import { bids, useSqlServer } from './sqlServer.ts';

const kafka = useKafka();
const sql = useSqlServer(kafka);

describe('a view over a topic', () => {
  it('counts each message once, through restarts of Millrace and of the broker', async () => {
    const broker = kafka();
    if (broker === null) return;
    await createTopic(broker, 'bids', 2);
    await produce(broker, 'bids', [...bids(0, 300), ...bids(300, 300, 1)], 'zstd');
    await sql.run(
      `CREATE SOURCE bids (auction int, price bigint) ${sql.withKafka('bids')} FORMAT PLAIN ENCODE JSON`,
    );
    await sql.run(
      'CREATE MATERIALIZED VIEW v AS SELECT auction, count(*) AS n, sum(price) AS s FROM bids GROUP BY auction',
    );
    const of = (count: number): readonly string[] =>
      [0, 1, 2].map((k) => {
        const prices = Array.from({ length: count }, (_, i) => i).filter((i) => i % 3 === k);
        return `${k} | ${prices.length} | ${prices.reduce((a, b) => a + b, 0)}`;
      });
    await sql.expectRows('SELECT * FROM v ORDER BY auction', of(600));
    await sql.kill();
    await sql.start();
    await sql.expectRows('SELECT * FROM v ORDER BY auction', of(600));
    await produce(broker, 'bids', bids(600, 90, 1));
    await sql.expectRows('SELECT * FROM v ORDER BY auction', of(690));
    await broker.kill();
    await broker.start();
    await addPartitions(broker, 'bids', 3);
    await produce(broker, 'bids', bids(690, 30, 2));
    await sql.expectRows('SELECT * FROM v ORDER BY auction', of(720));
    await sql.kill();
    await sql.start();
    await sql.expectRows('SELECT * FROM v ORDER BY auction', of(720));
    await sql.expectRows(
      "SELECT partition, position, lag, note FROM millrace_catalog.source_partitions WHERE source = 'bids' ORDER BY 1",
      ['0 | 300 | 0 | null', '1 | 390 | 0 | null', '2 | 30 | 0 | null'],
    );
  }, 180_000);
});
