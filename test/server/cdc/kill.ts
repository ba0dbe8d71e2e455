/** Kills under load: node test/server/cdc/kill.ts [--kills N] [--seed S] [--most-ms 1500] */
import { parseArgs } from 'node:util';
import { runCdcKills } from './kills.ts';
import { startUpstream } from './support.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    'most-ms': { type: 'string', default: '1500' },
  },
});

// What has been started is ended, and what has been found said, when somebody has seen enough.
const enough = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => enough.abort());

const server = await startUpstream();
if (server === null) throw new Error('PostgreSQL is not installed');
try {
  const report = await runCdcKills(server, {
    kills: Number(values.kills),
    seed: Number(values.seed),
    mostMs: Number(values['most-ms']),
    signal: enough.signal,
    log: (line) => process.stdout.write(`${line}\n`),
  });
  process.stdout.write(`${JSON.stringify(report)}\n`);
} finally {
  server.close();
}
