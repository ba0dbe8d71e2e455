/** Changes a second that the `redis` sink writes to a redis-server on this machine: `node bench/redisSink.ts`. */
import { performance } from 'node:perf_hooks';
import { types } from '../common/dataType.ts';
import { checkOptions } from '../connector/options.ts';
import { redisSink } from '../connector/redis/sink.ts';
import { startRedis } from '../scripts/servers/redis.ts';

const CHANGES = 200_000;
const BATCH = 5000;

const server = await startRedis();
try {
  for (const kind of ['string', 'hash']) {
    const given = new Map([
      ['redis.url', server.url],
      ['redis.type', kind],
      ['key.prefix', 't:'],
    ]);
    const writer = await redisSink.open({
      identity: kind,
      name: 's',
      options: checkOptions(redisSink, given),
      columns: [
        { name: 'id', type: types.int4, nullable: false },
        { name: 'name', type: types.text, nullable: true },
      ],
      key: [0],
      format: 'UPSERT',
      encode: 'JSON',
      encodeOptions: new Map(),
    });
    await writer.recover();
    const began = performance.now();
    for (let at = 0; at < CHANGES; at += BATCH) {
      const epoch = BigInt(at / BATCH + 1);
      const transaction = await writer.begin(epoch);
      const changes = Array.from({ length: BATCH }, (_, i) => ({
        before: null,
        after: [at + i, `name ${i}`],
      }));
      await transaction.write({ epoch, at: 0n, first: 0, changes });
      await transaction.prepare(epoch);
      await transaction.commit();
    }
    const seconds = (performance.now() - began) / 1000;
    console.log(`redis.type = ${kind}: ${Math.round(CHANGES / seconds)} changes a second`);
    await writer.close();
  }
} finally {
  await server.close();
}
