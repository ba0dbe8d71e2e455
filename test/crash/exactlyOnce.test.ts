/** Kafka to Kafka under harm, briefly. More: node test/crash/kafkaKill.ts --events 1000000 --kills 100 */
import { expect, it } from 'vitest';
import { kafka } from '../../scripts/servers/kafka.ts';
import { runExactlyOnce } from './exactlyOnce.ts';

it('has every result once while server, broker and connections fail', async () => {
  if (!kafka.installed()) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, `Kafka needs ${kafka.needs}`).not.toBe('1');
    return;
  }
  const report = await runExactlyOnce({
    events: 20_000,
    kills: 4,
    seed: 20_240_101,
    mostMs: 800,
    log: () => {},
  });
  expect(report.kills).toBe(4);
  expect(report.cuts + report.brokerKills + report.brokerRestarts).toBeGreaterThan(0);
}, 240_000);
