/** Wrong statements: SQLSTATE, message and position are PostgreSQL's. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Target, wireTarget } from '../differential/target.ts';
import { type PostgresServer, postgresBin, startPostgres } from '../harness/postgres.ts';
import { type InProcessServer, startInProcess } from '../harness/server.ts';

const bin = postgresBin();
const lines = readFileSync(join(import.meta.dirname, 'wrongStatements.txt'), 'utf8')
  .split('\n')
  .filter((line) => !line.startsWith('#'));
const setUp = lines.slice(0, lines.indexOf(''));
const statements = lines.slice(lines.indexOf('')).filter((line) => line !== '');

/** Millrace may place an error where PostgreSQL does not. */
function shown(answer: Answer, withPosition: boolean): string {
  if (!('failure' in answer)) return 'done';
  const { state, message, position } = answer.failure;
  return `${state} ${message}${withPosition ? ` at ${position}` : ''}`;
}

describe('a wrong statement', () => {
  let postgres: PostgresServer | null = null;
  let millrace: InProcessServer;
  let expected: Target | null = null;
  let actual: Target;

  beforeAll(async () => {
    millrace = await startInProcess();
    actual = await wireTarget(millrace.url);
    for (const sql of setUp) await actual.run(sql);
    if (bin === null) return;
    postgres = await startPostgres(bin);
    expected = await wireTarget(await postgres.createDatabase('wrong'));
    for (const sql of setUp) await expected.run(sql);
  });
  afterAll(async () => {
    await expected?.close();
    await actual.close();
    await millrace.close();
    postgres?.close();
  });

  it('gets the answer of PostgreSQL', async () => {
    if (expected === null) {
      expect(process.env.MILLRACE_REQUIRE_SERVERS, 'no PostgreSQL server is installed').not.toBe('1');
      return;
    }
    const differing: string[] = [];
    for (const sql of statements) {
      const right = await expected.run(sql);
      const placed = 'failure' in right && right.failure.position !== null;
      const [want, got] = [shown(right, placed), shown(await actual.run(sql), placed)];
      if (want !== got) differing.push(`${sql}\n  PostgreSQL: ${want}\n  Millrace:   ${got}`);
    }
    expect(differing.join('\n')).toBe('');
    expect(statements.length).toBeGreaterThan(350);
  });
});
