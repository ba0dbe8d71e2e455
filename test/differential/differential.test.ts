/** Random queries over random data against PostgreSQL: fixed seeds, short. `soak.ts` runs longer. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../../server/serve.ts';
import { type PostgresServer, postgresBin, startPostgres } from '../harness/postgres.ts';
import { startInProcess } from '../harness/server.ts';
import { DifferentialRun, type Finding } from './run.ts';
import { localTarget, wireTarget } from './target.ts';

const bin = postgresBin();
const required = process.env.MILLRACE_REQUIRE_SERVERS === '1';

function report(findings: readonly Finding[]): string {
  return findings
    .map((f) => `${f.kind}: ${f.query}\n  ${f.what}\n${f.history.map((sql) => `    ${sql};`).join('\n')}`)
    .join('\n');
}

describe('PostgreSQL gives the same answers', () => {
  let server: PostgresServer | null = null;

  beforeAll(async () => {
    if (bin !== null) server = await startPostgres(bin);
  });
  afterAll(() => server?.close());

  it.each([1, 2, 3, 4, 5, 6])('seed %i, in process', async (seed) => {
    if (server === null) {
      expect(required, 'no PostgreSQL server is installed').toBe(false);
      return;
    }
    const expected = await wireTarget(await server.createDatabase(`seed${seed}`));
    const database = createDatabase();
    const actual = localTarget(database);
    const outcome = await new DifferentialRun(expected, actual).run({ seed, queries: 12, batches: 5 });
    await expected.close();
    await actual.close();
    database.close();
    expect(report(outcome.findings)).toBe('');
    expect(outcome.comparisons).toBeGreaterThan(50);
  });

  it.each([101, 102])('seed %i, over the wire', async (seed) => {
    if (server === null) {
      expect(required, 'no PostgreSQL server is installed').toBe(false);
      return;
    }
    const expected = await wireTarget(await server.createDatabase(`seed${seed}`));
    const millrace = await startInProcess();
    const actual = await wireTarget(millrace.url);
    const outcome = await new DifferentialRun(expected, actual).run({ seed, queries: 10, batches: 5 });
    await expected.close();
    await actual.close();
    await millrace.close();
    expect(report(outcome.findings)).toBe('');
  });
});
