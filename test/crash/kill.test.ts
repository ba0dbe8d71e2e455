/** A few kills of a real server under load. More: node test/crash/kill.ts --kills 200 */
import { expect, it } from 'vitest';
import { runKills } from './kills.ts';

it('a server that is killed at random moments has everything acknowledged, once', async () => {
  const report = await runKills({
    kills: 5,
    seed: 20_240_101,
    checkpointInterval: '150ms',
    mostMs: 700,
    log: () => {},
  });
  expect(report.kills).toBe(5);
  expect(report.acknowledged + report.acknowledgedOff).toBeGreaterThan(0);
}, 120_000);
