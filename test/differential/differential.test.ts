/** Random queries over random data against PostgreSQL: fixed seeds, short. `soak.ts` runs longer. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../../server/serve.ts';
import { type PostgresServer, postgresBin, startPostgres } from '../harness/postgres.ts';
import { startInProcess } from '../harness/server.ts';
import { regressionFiles, replay } from './regressions.ts';
import { Reproduction } from './reproduce.ts';
import { DifferentialRun, type Finding } from './run.ts';
import { localTarget, stateRowsOf, wireTarget } from './target.ts';

const bin = postgresBin();
const required = process.env.MILLRACE_REQUIRE_SERVERS === '1';

function report(findings: readonly Finding[]): string {
  return findings
    .map((f) => `${f.kind}: ${f.query}\n  ${f.what}\n${f.history.map((sql) => `    ${sql};`).join('\n')}`)
    .join('\n');
}

describe.each(['batch', 'incremental'] as const)('what was found before, %s', (mode) => {
  it.each(regressionFiles)('%s', async (file) => {
    expect(await replay(file, mode)).toEqual([]);
  });
});

/** The findings, the first of them shrunk and saved for ever after. */
async function saved(server: PostgresServer, findings: readonly Finding[], seed: number): Promise<string> {
  const [one] = findings;
  if (one === undefined) return '';
  const scratch = await wireTarget(await server.createDatabase(`shrink${seed}`));
  const file = await new Reproduction(scratch, one.comparison).save(one, seed);
  await scratch.close();
  return `${file ?? 'does not happen again'}\n${report(findings)}`;
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
    const outcome = await new DifferentialRun(expected, actual).run({
      seed,
      queries: 12,
      batches: 5,
      stateRows: () => stateRowsOf(database),
    });
    await expected.close();
    await actual.close();
    database.close();
    expect(await saved(server, outcome.findings, seed)).toBe('');
    expect(outcome.statistics.comparisons).toBeGreaterThan(50);
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
    expect(await saved(server, outcome.findings, seed)).toBe('');
  });
});
