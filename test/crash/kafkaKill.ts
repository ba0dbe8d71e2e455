/** Exactly once from Kafka to Kafka and PostgreSQL under harm: node test/crash/kafkaKill.ts [--events N] [--kills K] [--seed S] [--most-ms 1500] */
import { parseArgs } from 'node:util';
import { runExactlyOnce } from './exactlyOnce.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '100000' },
    kills: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    'most-ms': { type: 'string', default: '1500' },
  },
});

const report = await runExactlyOnce({
  events: Number(values.events),
  kills: Number(values.kills),
  seed: Number(values.seed),
  mostMs: Number(values['most-ms']),
  log: (line) => process.stdout.write(`${line}\n`),
});
process.stdout.write(`${JSON.stringify(report)}\n`);
