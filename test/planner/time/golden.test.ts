/**
 * Golden plans of views in which time matters: sql-tests/plan/time*.txt. GOLDEN=write rewrites the files.
 *
 * A block is a query up to a semicolon, with how the view emits in front (`update:`, `close:`, `close 5s:` with allowed
 * lateness, `every 10s:`, `ttl 1h:`), then the plan with its watermarks, the state of each operator, and warnings.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { Interval } from '../../../common/interval.ts';
import { parseInterval } from '../../../common/intervalParse.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { explainText } from '../../../planner/explain/explain.ts';
import { explainState } from '../../../planner/explain/explainState.ts';
import { onUpdate, planMaterializedView, type ViewTiming } from '../../../planner/plan.ts';
import { relationsOf } from '../../../planner/time/state.ts';
import { termText } from '../../../planner/time/terms.ts';
import { env } from '../build.ts';
import { bindTimed } from './sql.ts';

const folder = fileURLToPath(new URL('../../../sql-tests/plan', import.meta.url));

interface Block {
  readonly how: string;
  readonly sql: string;
  readonly expected: string;
}

function blocksOf(text: string): readonly Block[] {
  return text
    .trim()
    .split(/\n\n(?=(?:update|close|every|ttl)[^\n]*: )/)
    .map((block) => {
      const colon = block.indexOf(': ');
      const end = block.indexOf(';');
      return {
        how: block.slice(0, colon),
        sql: block.slice(colon + 2, end + 1),
        expected: block.slice(end + 1).trim(),
      };
    });
}

function timingOf(how: string): ViewTiming {
  const [mode = '', length] = how.split(' ');
  const interval = length === undefined ? new Interval(0, 0, 0n) : parseInterval(length);
  const micros = BigInt(interval.days) * 86_400_000_000n + interval.micros;
  switch (mode) {
    case 'close':
      return { ...onUpdate, emit: { kind: 'close', latenessMicros: micros } };
    case 'every':
      return { ...onUpdate, emit: { kind: 'every', micros } };
    case 'ttl':
      return { ...onUpdate, ttl: { micros, column: null } };
    default:
      return onUpdate;
  }
}

function answerTo({ how, sql }: Block): string {
  try {
    const view = planMaterializedView(bindTimed(sql), env, timingOf(how));
    const relations = relationsOf(view.plan);
    const terms = view.watermarks.flatMap((term, i) =>
      term === null ? [] : [`  ${must(view.plan.schema[i]).name}: ${termText(term, relations)}`],
    );
    return [
      ...explainText(view.plan, { verbose: true }),
      ...(terms.length === 0 ? [] : ['watermarks:', ...terms]),
      'state:',
      ...explainState(view.plan).map((line) => line.replace(/^( *(?:-> {2})?\w+).*? state=/, '$1 state=')),
      ...view.unbounded.map((u) => `warning: ${u.operator}: ${u.reason}. ${u.hint}`),
    ].join('\n');
  } catch (error) {
    if (error instanceof SqlError) return `error ${error.state}: ${error.message} ${error.hint ?? ''}`.trim();
    throw error;
  }
}

for (const name of readdirSync(folder).filter((n) => n.startsWith('time'))) {
  const path = join(folder, name);
  const blocks = blocksOf(readFileSync(path, 'utf8'));
  describe(`plans of ${name}`, () => {
    if (process.env.GOLDEN === 'write') {
      writeFileSync(path, `${blocks.map((b) => `${b.how}: ${b.sql}\n${answerTo(b)}`).join('\n\n')}\n`);
      return;
    }
    for (const block of blocks) {
      it(`${block.how}: ${block.sql.replaceAll(/\s+/g, ' ').slice(0, 100)}`, () => {
        expect(answerTo(block)).toBe(block.expected);
      });
    }
  });
}
