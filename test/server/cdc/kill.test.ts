/** A few kills of a real server that follows a real PostgreSQL. More: node test/server/cdc/kill.ts --kills 200 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCdcKills } from './kills.ts';
import { type PostgresServer, startUpstream } from './support.ts';

let server: PostgresServer | null = null;

beforeAll(async () => {
  server = await startUpstream();
}, 60_000);

afterAll(() => server?.close());

it('a server that is killed at random moments has every transaction once', async () => {
  if (server === null) {
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'PostgreSQL is not installed').not.toBe('1');
    return;
  }
  const report = await runCdcKills(server, { kills: 3, seed: 7, mostMs: 600, log: () => {} });
  expect(report.kills).toBe(3);
  expect(report.transactions).toBeGreaterThan(0);
}, 300_000);
