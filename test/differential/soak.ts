/**
 * A long differential run: `node test/differential/soak.ts [first seed] [seeds] [queries] [batches]`. Prints findings with the
 * statements that lead to them, and figures at the end; exits with 1 when there was a finding.
 */

import { createDatabase } from '../../server/serve.ts';
import { postgresBin, startPostgres } from '../harness/postgres.ts';
import { DifferentialRun } from './run.ts';
import { localTarget, wireTarget } from './target.ts';

const [first, seeds, queries, batches] = [1, 20, 12, 6].map((standard, i) =>
  Number(process.argv[2 + i] ?? standard),
);
const bin = postgresBin();
if (bin === null) throw new Error('no PostgreSQL server is installed');
const server = await startPostgres(bin);
const total = { queries: 0, comparisons: 0, skipped: 0, findings: 0 };
try {
  for (let seed = first ?? 1; seed < (first ?? 1) + (seeds ?? 1); seed++) {
    const expected = await wireTarget(await server.createDatabase(`seed${seed}`));
    const database = createDatabase();
    const actual = localTarget(database);
    const outcome = await new DifferentialRun(expected, actual).run({
      seed,
      queries: queries ?? 12,
      batches: batches ?? 6,
      risky: process.env.RISKY !== undefined,
    });
    total.queries += outcome.queries;
    total.comparisons += outcome.comparisons;
    total.skipped += outcome.skipped;
    total.findings += outcome.findings.length;
    for (const finding of outcome.findings) {
      console.log(`--- seed ${seed}: ${finding.kind}\n  ${finding.query}\n  ${finding.what}`);
      if (process.env.HISTORY !== undefined) console.log(finding.history.map((sql) => `${sql};`).join('\n'));
    }
    await expected.close();
    await actual.close();
    database.close();
  }
} finally {
  server.close();
}
console.log(
  `${total.queries} queries, ${total.comparisons} comparisons, ${total.skipped} left out, ${total.findings} findings`,
);
process.exitCode = total.findings === 0 ? 0 : 1;
