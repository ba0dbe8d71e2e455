/** SQL to printed SQL, or to the error: sql-tests/parse. GOLDEN=write rewrites the expectations. */
import { describe, expect, it } from 'vitest';
import { SqlError } from '../../common/sqlError.ts';
import { parse } from '../../parser/parse.ts';
import { printStatement } from '../../parser/print.ts';
import { bareTree } from '../../parser/walk.ts';
import { goldenFiles, readGolden, writeGolden } from './goldenFile.ts';

function describeResult(sql: string): string {
  try {
    return parse(sql)
      .map((parsed) => `${printStatement(parsed.statement)};`)
      .join('\n');
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    const hint = error.hint === undefined ? '' : ` -- ${error.hint}`;
    return `error ${error.state} at ${error.position}: ${error.message}${hint}`;
  }
}

describe.each(goldenFiles())('parse %s', (name) => {
  const cases = readGolden(name);
  if (process.env.GOLDEN === 'write') {
    writeGolden(
      name,
      cases.map(({ input }) => ({ input, expected: describeResult(input) })),
    );
  }

  it.each(readGolden(name))('$input', ({ input, expected }) => {
    expect(describeResult(input)).toBe(expected);
  });

  it('prints what it can read again as the same tree', () => {
    for (const { input } of cases) {
      if (describeResult(input).startsWith('error')) continue;
      for (const { statement } of parse(input)) {
        const printed = printStatement(statement);
        expect(
          parse(printed).map((again) => bareTree(again.statement)),
          printed,
        ).toEqual([bareTree(statement)]);
      }
    }
  });
});
