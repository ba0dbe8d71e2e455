/** Every construct of docs/sql/unsupported.md answers 0A000. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { localTarget, type Target } from './differential/target.ts';
import { type InProcessServer, root, startInProcess } from './harness/server.ts';

/** Construct and example of the rows whose second cell is code alone. */
function rows(): readonly (readonly [construct: string, sql: string])[] {
  const text = readFileSync(join(root, 'docs/sql/unsupported.md'), 'utf8');
  return text.split('\n').flatMap((line) => {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
    const sql = /^`((?:SELECT|CREATE|WITH) [^`]+)`$/.exec(cells[2] ?? '')?.[1];
    return sql === undefined ? [] : [[cells[1] ?? '', sql] as const];
  });
}

describe('docs/sql/unsupported.md', () => {
  let server: InProcessServer;
  let target: Target;

  beforeAll(async () => {
    server = await startInProcess();
    target = localTarget(server.database);
    await target.run('CREATE TABLE t (id int PRIMARY KEY, s text, a int[], ts timestamptz)');
  });

  afterAll(async () => {
    await target.close();
    await server.close();
  });

  it.each(rows())('%s', async (_construct, sql) => {
    const answer = await target.run(sql);
    expect('failure' in answer ? answer.failure.state : 'accepted').toBe('0A000');
  });

  it('lists what there is to list', () => {
    expect(rows().length).toBeGreaterThan(30);
  });
});
