/** Event time against PostgreSQL over the admitted rows; fixed seeds. MILLRACE_TIME_FIRST and MILLRACE_TIME_SEEDS run more. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../../../server/serve.ts';
import { type PostgresServer, postgresBin, startPostgres } from '../../harness/postgres.ts';
import { localTarget, wireTarget } from '../target.ts';
import { TimeRun } from './run.ts';

const bin = postgresBin();
const required = process.env.MILLRACE_REQUIRE_SERVERS === '1';
const first = Number(process.env.MILLRACE_TIME_FIRST ?? 1);
const count = Number(process.env.MILLRACE_TIME_SEEDS ?? 5);

describe('PostgreSQL agrees over the admitted rows', () => {
  let server: PostgresServer | null = null;

  beforeAll(async () => {
    if (bin !== null) server = await startPostgres(bin);
  });
  afterAll(() => server?.close());

  it.each(Array.from({ length: count }, (_, i) => first + i))('seed %i', async (seed) => {
    if (server === null) {
      expect(required, 'no PostgreSQL server is installed').toBe(false);
      return;
    }
    const expected = await wireTarget(await server.createDatabase(`time${seed}`));
    const database = createDatabase();
    const actual = localTarget(database);
    const outcome = await new TimeRun(expected, actual, seed).run({ seed, rounds: 14 });
    await expected.close();
    await actual.close();
    database.close();
    expect(outcome.findings.join('\n\n')).toBe('');
    expect(outcome.comparisons).toBeGreaterThan(100);
    expect(outcome.late).toBeGreaterThan(0);
    expect(outcome.admitted).toBeGreaterThan(outcome.late);
  });
});
