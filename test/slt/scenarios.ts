/** The SQL tests with something happening to the server in between: each file in one scenario, chosen by its name. */
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { OwnServer } from '../../bin/slt/ownServer.ts';
import { SltRunner } from '../../bin/slt/runner.ts';
import { type Scenario, ScenarioRun, scenarios } from '../../bin/slt/scenario.ts';
import { root } from '../harness/server.ts';

/** Files with relations: without one there is nothing to lose. Those named psql_* run psql. */
const files = globSync('{sql-tests/slt/**/*.slt,sql-tests/sqlite/**/*.test,examples/**/*.slt}', { cwd: root })
  .filter((file) => !basename(file).startsWith('psql_'))
  .filter((file) => /\bcreate\s+(table|source|materialized)/i.test(readFileSync(join(root, file), 'utf8')))
  .sort();

/** Another one runs each file in another scenario, at other places: MILLRACE_SCENARIO_SEED. */
const seed = Number(process.env.MILLRACE_SCENARIO_SEED ?? 1);

function scenarioOf(file: string): Scenario {
  const hash = createHash('sha256').update(file).digest().readUInt32LE();
  return scenarios[(hash + seed) % scenarios.length] ?? 'restart';
}

/** Three restarts of a long file on a machine that has other things to do. */
const TIMEOUT_MS = 300_000;

/** One test for each file that has this scenario. */
export function testFiles(scenario: Scenario): void {
  const own = files.filter((file) => scenarioOf(file) === scenario);
  it.each(own)('%s', { timeout: TIMEOUT_MS }, async (file) => {
    const server = await OwnServer.start(true);
    try {
      const run = new ScenarioRun(server, { scenario, seed, every: null }, file);
      const labels = ['millrace', 'serial'];
      const runner = new SltRunner({ url: server.url, mode: scenario, labels, scenario: run });
      await runner.runFile(join(root, file));
      const { failures, passed } = await runner.close();
      expect(failures.map((f) => `${basename(f.file)}:${f.line}: ${f.message}`)).toEqual([]);
      expect(passed).toBeGreaterThan(0);
    } finally {
      await server.close();
    }
  });
}
