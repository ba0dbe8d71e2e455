/**
 * Golden plans: each query of sql-tests/plan/optimizer with its bound plan, its plan after all rules and its physical plan.
 * GOLDEN=write rewrites the files. Queries over the small test tables are also run by the oracle at every stage.
 *
 * A file is blocks divided by blank lines: SQL up to a semicolon (`adhoc:` in front for a one-time read), then the plans.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SqlError } from '../../common/sqlError.ts';
import type { PlanMode } from '../../planner/evaluator.ts';
import { explainLogical, explainText } from '../../planner/explain/explain.ts';
import type { LogicalPlan } from '../../planner/plan/logical.ts';
import { isSubquery } from '../../planner/plan/scalars.ts';
import { scalarsOf, walkPlan, walkScalar } from '../../planner/plan/walk.ts';
import { optimizeQuery, planQuery } from '../../planner/plan.ts';
import { env, s, t, u } from './build.ts';
import { expectSame } from './equivalence.ts';
import { bindSql } from './sql.ts';

const folder = fileURLToPath(new URL('../../sql-tests/plan/optimizer', import.meta.url));
const small: ReadonlySet<number> = new Set([t.id, s.id, u.id]);

interface Block {
  readonly sql: string;
  readonly mode: PlanMode;
  readonly expected: string;
}

function blocksOf(text: string): readonly Block[] {
  const blocks = text.trim().split(/\n\n(?=adhoc: |SELECT|WITH)/);
  return blocks.map((block) => {
    const end = block.indexOf(';');
    const sql = block.slice(0, end + 1);
    const mode = sql.startsWith('adhoc: ') ? 'adhoc' : 'maintained';
    return { sql, mode, expected: block.slice(end + 1).trim() };
  });
}

function plansOf(block: Block): string {
  try {
    const bound = bindSql(block.sql.replace(/^adhoc: /, ''));
    const optimized = optimizeQuery(bound.plan, env, block.mode);
    const { plan } = planQuery(bound, env, block.mode);
    return [
      'bound:',
      ...explainLogical(bound.plan),
      'optimized:',
      ...explainLogical(optimized),
      'physical:',
      ...explainText(plan, { verbose: true }),
    ].join('\n');
  } catch (error) {
    if (error instanceof SqlError) return `error ${error.state}: ${error.message}`;
    throw error;
  }
}

/** Only the small tables, for which the oracle has rows, and nothing whose result depends on an order left open. */
function isSmall(plan: LogicalPlan): boolean {
  let fits = true;
  walkPlan(plan, (node) => {
    if (node.kind === 'Scan') fits &&= small.has(node.relation.id);
    if (node.kind === 'TopN' || node.kind === 'Window') fits = false;
    for (const scalar of scalarsOf(node)) {
      walkScalar(scalar, (x) => {
        if (isSubquery(x) && 'plan' in x) fits &&= x.kind !== 'arraySubquery' && isSmall(x.plan);
      });
    }
  });
  return fits;
}

for (const name of readdirSync(folder)) {
  const path = join(folder, name);
  const blocks = blocksOf(readFileSync(path, 'utf8'));
  describe(`plans of ${name}`, () => {
    if (process.env.GOLDEN === 'write') {
      writeFileSync(path, `${blocks.map((b) => `${b.sql}\n${plansOf(b)}`).join('\n\n')}\n`);
      return;
    }
    for (const block of blocks) {
      it(block.sql.replaceAll(/\s+/g, ' ').slice(0, 100), () => {
        expect(plansOf(block)).toBe(block.expected);
        const { plan } = bindSql(block.sql.replace(/^adhoc: /, ''));
        if (isSmall(plan)) expectSame(plan, block.mode, 12);
      });
    }
  });
}
