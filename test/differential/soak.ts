/**
 * A long differential run: `node test/differential/soak.ts [first seed] [seeds] [queries] [batches] [--minutes n]`. Replays
 * what was found before, then goes through the seeds; with `--minutes` through ever more seeds until the time is over. A
 * finding is shrunk and saved under sql-tests/regressions/ (SAVE=0: only printed; HISTORY=1: with the statements that lead to
 * it; RISKY=1: with expressions that fail on some rows). Prints what it did, and exits with 1 when there was a finding.
 */
import { createDatabase } from '../../server/serve.ts';
import { type PostgresServer, postgresBin, startPostgres } from '../harness/postgres.ts';
import { regressionFiles, replay } from './regressions.ts';
import { Reproduction } from './reproduce.ts';
import { DifferentialRun, type Finding, type Outcome } from './run.ts';
import { Statistics } from './statistics.ts';
import { localTarget, stateRowsOf, wireTarget } from './target.ts';

const args = process.argv.slice(2);
const at = args.indexOf('--minutes');
const minutes = at < 0 ? null : Number(args.splice(at, 2)[1]);
const [first = 1, seeds = 20, queries = 12, batches = 6] = args.map(Number);
const { SAVE, HISTORY, RISKY } = process.env;

async function runSeed(server: PostgresServer, seed: number): Promise<Outcome> {
  const expected = await wireTarget(await server.createDatabase(`seed${seed}`));
  const database = createDatabase();
  const actual = localTarget(database);
  const stateRows = (): ReadonlyMap<string, number> => stateRowsOf(database);
  const options = { seed, queries, batches, risky: RISKY === '1', stateRows };
  const outcome = await new DifferentialRun(expected, actual).run(options);
  await expected.close();
  await actual.close();
  database.close();
  return outcome;
}

async function show(server: PostgresServer, finding: Finding, seed: number): Promise<void> {
  console.log(`--- seed ${seed}: ${finding.kind}\n  ${finding.query}\n  ${finding.what}`);
  if (HISTORY === '1') console.log(finding.history.map((sql) => `${sql};`).join('\n'));
  if (SAVE === '0' || finding.what.startsWith('the generator is wrong')) return;
  const scratch = await wireTarget(await server.createDatabase(`shrink${seed}_${performance.now()}`));
  const file = await new Reproduction(scratch, finding.comparison).save(finding, seed);
  console.log(file === null ? '  does not happen again on fresh databases' : `  saved as ${file}`);
  await scratch.close();
}

const bin = postgresBin();
if (bin === null) throw new TypeError('no PostgreSQL server is installed');
let findings = 0;
for (const file of regressionFiles) {
  for (const mode of ['batch', 'incremental'] as const) {
    for (const wrong of await replay(file, mode)) {
      findings++;
      console.log(`--- ${mode}: ${wrong}`);
    }
  }
}
const server = await startPostgres(bin);
const total = new Statistics();
const start = performance.now();
const elapsed = (): number => (performance.now() - start) / 60_000;
try {
  for (let seed = first; minutes === null ? seed < first + seeds : elapsed() < minutes; seed++) {
    const outcome = await runSeed(server, seed);
    total.add(outcome.statistics);
    findings += outcome.findings.length;
    // One failure often shows in several queries and steps.
    const [one] = outcome.findings;
    for (const finding of outcome.findings)
      if (finding === one) await show(server, finding, seed);
      else console.log(`--- seed ${seed}: ${finding.kind}\n  ${finding.query}\n  ${finding.what}`);
    await server.dropDatabase(`seed${seed}`);
  }
} finally {
  server.close();
}
console.log(`from seed ${first}, ${elapsed().toFixed(1)} minutes\n${total.report(findings)}`);
process.exitCode = findings === 0 ? 0 : 1;
