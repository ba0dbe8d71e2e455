/** Words are reserved exactly as in PostgreSQL. */
import { beforeAll, describe, expect, it } from 'vitest';
import { quoteIdent } from '../../parser/identifier.ts';
import { keywords } from '../../parser/keywords.ts';
import { loadOracle, ourVerdict, postgresTokens, postgresVerdict } from './pgOracle.ts';

const kinds = { unreserved: 1, colName: 2, typeFuncName: 3, reserved: 4 } as const;

describe('keywords', () => {
  beforeAll(loadOracle);

  it('has the categories of PostgreSQL', () => {
    for (const { word, category, standard } of keywords.values()) {
      const kind = postgresTokens(word)[0]?.keywordKind;
      expect(`${word} ${kind}`).toBe(`${word} ${standard ? kinds[category] : 0}`);
    }
  });

  it('knows every word that PostgreSQL knows', () => {
    const texts = [
      'select',
      'xmltable',
      'json_value',
      'merge_action',
      'zone',
      'virtual',
      'enforced',
      'nested',
      'plan',
    ];
    for (const word of texts) expect(keywords.get(word)?.standard, word).toBe(true);
  });

  it.each([
    ['a label without AS', (w: string) => `select 1 ${w}`],
    ['a label after AS', (w: string) => `select 1 as ${w}`],
    ['a column', (w: string) => `select ${w} from t`],
    ['a qualified column', (w: string) => `select t.${w} from t`],
    ['a table', (w: string) => `select * from ${w}`],
    ['a table alias', (w: string) => `select * from t as ${w}`],
    ['a new column', (w: string) => `create table t (${w} int)`],
    ['a type', (w: string) => `select cast(a as s.${w})`],
  ])('lets each word be %s where PostgreSQL does', (_, make) => {
    const wrong: string[] = [];
    for (const { word, standard } of keywords.values()) {
      const sql = make(word);
      if (!standard) {
        if (ourVerdict(sql) !== 'ok') wrong.push(`${sql}: ${ourVerdict(sql)}`);
        continue;
      }
      const theirs = postgresVerdict(sql);
      const ours = ourVerdict(sql);
      if (theirs !== ours) wrong.push(`${sql}: PostgreSQL ${theirs}, ours ${ours}`);
    }
    expect(wrong).toEqual([]);
  });

  it('quotes names as quote_ident', () => {
    expect(quoteIdent('abc_1')).toBe('abc_1');
    expect(quoteIdent('Abc')).toBe('"Abc"');
    expect(quoteIdent('a"b')).toBe('"a""b"');
    expect(quoteIdent('select')).toBe('"select"');
    expect(quoteIdent('left')).toBe('"left"');
    expect(quoteIdent('interval')).toBe('"interval"');
    expect(quoteIdent('name')).toBe('name');
    expect(quoteIdent('1a')).toBe('"1a"');
    expect(quoteIdent('')).toBe('""');
  });
});
