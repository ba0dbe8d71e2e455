/** Kills a server under load: node test/crash/kill.ts [--kills N] [--seed S] [--checkpoint-interval 300ms] [--most-ms 1500] */
import { parseArgs } from 'node:util';
import { runKills } from './kills.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    'checkpoint-interval': { type: 'string', default: '300ms' },
    'most-ms': { type: 'string', default: '1500' },
  },
});

const report = await runKills({
  kills: Number(values.kills),
  seed: Number(values.seed),
  checkpointInterval: values['checkpoint-interval'],
  mostMs: Number(values['most-ms']),
  log: (line) => process.stdout.write(`${line}\n`),
});
const { startMs, ...counts } = report;
const sorted = startMs.toSorted((a, b) => a - b);
const at = (share: number): number => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
process.stdout.write(
  `${JSON.stringify(counts)}\nstarts: median ${at(0.5)} ms, p90 ${at(0.9)} ms, longest ${at(1)} ms\n`,
);
