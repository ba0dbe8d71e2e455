/** Whatever comes in: a tree or an SqlError. Whatever tree comes out prints and reads back as itself. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SqlError } from '../../common/sqlError.ts';
import { tokenize } from '../../parser/lexer.ts';
import { type ParsedStatement, parse } from '../../parser/parse.ts';
import { printStatement } from '../../parser/print.ts';
import { bareTree } from '../../parser/walk.ts';
import { goldenTexts } from './goldenFile.ts';

const settings = { seed: 20261121, numRuns: 1500 } as const;

/** The statements, or null for an error of the user's. */
function attempt(sql: string): readonly ParsedStatement[] | null {
  try {
    return parse(sql);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    expect(error.position ?? 0).toBeGreaterThanOrEqual(0);
    expect(error.position ?? 0).toBeLessThanOrEqual(sql.length);
    return null;
  }
}

function checkPrinting(sql: string): void {
  for (const { statement } of attempt(sql) ?? []) {
    const printed = printStatement(statement);
    expect(
      parse(printed).map((again) => bareTree(again.statement)),
      `${sql}\n${printed}`,
    ).toEqual([bareTree(statement)]);
  }
}

const texts = goldenTexts();
const words = [...new Set(texts.flatMap((sql) => tokenize(sql).map((token) => token.image)))];

describe('any text', () => {
  it('of any characters is a tree or an error', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => checkPrinting(text)),
      settings,
    );
  });

  it('of bytes is a tree or an error', () => {
    const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array).toString('utf8'));
    fc.assert(
      fc.property(bytes, (text) => checkPrinting(text)),
      settings,
    );
  });

  it('of characters that mean something is a tree or an error', () => {
    const unit = fc.constantFrom(...'abnuxeE019_$\'"\\.,;:()[]{}+-*/<>=~!@#%^&|`? \n'.split(''));
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 40 }), (text) => checkPrinting(`select ${text}`)),
      settings,
    );
  });

  it('of words of the language is a tree or an error', () => {
    const sentence = fc.array(fc.constantFrom(...words), { maxLength: 25 }).map((list) => list.join(' '));
    fc.assert(
      fc.property(sentence, (text) => checkPrinting(text)),
      settings,
    );
  });

  it('made from a valid one by small changes is a tree or an error', () => {
    const change = fc.record({
      sql: fc.constantFrom(...texts),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      remove: fc.nat({ max: 3 }),
      insert: fc.array(fc.constantFrom(...words), { maxLength: 2 }),
    });
    fc.assert(
      fc.property(change, ({ sql, at, remove, insert }) => {
        const tokens = tokenize(sql).map((token) => token.image);
        tokens.splice(Math.floor(at * tokens.length), remove, ...insert);
        checkPrinting(tokens.join(' '));
      }),
      { ...settings, numRuns: 4000 },
    );
  });

  it('cut anywhere is a tree or an error', () => {
    for (const sql of texts) for (let end = 0; end < sql.length; end += 3) attempt(sql.slice(0, end));
  });
});
