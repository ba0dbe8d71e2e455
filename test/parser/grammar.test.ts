/** The grammar itself: chevrotain's own validation, which production skips. */
import { describe, expect, it } from 'vitest';
import { SqlParser } from '../../parser/statements/statement.ts';

describe('grammar', () => {
  it('passes the validation of the parser generator', () => {
    expect(() => new SqlParser(false)).not.toThrow();
  });
});
