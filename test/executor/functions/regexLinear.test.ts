import { describe, expect, it } from 'vitest';
import { compileTest, findMatch, regexCompiler } from '../../../executor/functions/support/regex.ts';
import { asciiTwin } from '../../../executor/functions/support/regexLinear.ts';
import { parseRegexFlags, translateRegex } from '../../../executor/functions/support/regexTranslate.ts';

const options = parseRegexFlags('');
const patterns = [
  '^(a+)+$',
  '(\\w+\\s?)+!',
  '^([[:alnum:]]+[.-]?)*@',
  '(?:[^,]*,)+x',
  '(x*)*y',
  '([[:punct:]]{1,2})+',
  '([\\w.]+)+@(\\d|[a-f]){2,}',
  '(.|\\s)*z',
  '([^[:space:]]+ )+$',
];
const texts = [
  'aaaa',
  'aaab',
  'one two!',
  'a.b-c@d',
  'a,b,,x',
  'xxxy',
  '!?..',
  'me.you@12af',
  ' ',
  '',
  'z\n z',
  'b ',
];

describe('the twin of a regular expression for ASCII texts', () => {
  it('matches what the pattern matches', () => {
    for (const pattern of patterns) {
      const { source, flags } = translateRegex(pattern, options);
      const twin = asciiTwin(source, flags);
      expect(twin, pattern).not.toBeNull();
      const plain = new RegExp(source, flags);
      for (const text of texts) {
        const found = twin === null ? undefined : new RegExp(twin).exec(text);
        expect({ pattern, text, found: found === null ? null : [...(found ?? [])] }).toEqual({
          pattern,
          text,
          found: plain.exec(text) === null ? null : [...(plain.exec(text) ?? [])],
        });
      }
    }
  });

  it('is not made where nothing is repeated or V8 has no linear engine for it', () => {
    for (const pattern of ['abc+', 'a|ab', '(a)(b)', '(?=a)(b)+', '(a)\\1(b)+']) {
      const { source, flags } = translateRegex(pattern, options);
      expect(asciiTwin(source, flags), pattern).toBeNull();
    }
  });

  it('ends where backtracking would not', () => {
    const text = `${'a'.repeat(5000)}!`;
    expect(compileTest('^(a+)+$', options)(text)).toBe(false);
    expect(compileTest('^(\\w+\\s?)*$', options)(text)).toBe(false);
    expect(findMatch(regexCompiler()('(x+x+)+y', 'g'), 'x'.repeat(3000))).toBeNull();
  });
});
