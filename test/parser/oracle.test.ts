/**
 * PostgreSQL's own grammar as a judge: what it accepts we accept, and where both find an error they find it at the same token.
 * The corpus is the golden files, every example in this file, and many mutations of both, made with a fixed seed.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { keywords } from '../../parser/keywords.ts';
import { tokenize } from '../../parser/lexer.ts';
import { parse } from '../../parser/parse.ts';
import { goldenFiles, readGolden } from './goldenFile.ts';
import { loadOracle, ourVerdict, postgresVerdict } from './pgOracle.ts';

/** Statements where we accept more than PostgreSQL by design; mutations of all others must agree. */
const judged =
  /^\s*(\(|select|values|with|insert|update|delete|table|create (temp |temporary )?table|create (or replace )?view|prepare|explain)\b/i;

/** Words that only our dialect gives a meaning in the places where mutations put them. */
const ours =
  /\b(emit|asof|qualify|format|encode|append|include|corresponding|changelog|system_time|tumble|hop|session|engine|watermark|ttl|struct|try_cast|map|descriptor|overwrite|ignore|respect|aggregate)\b/i;

function goldenStatements(): readonly string[] {
  return goldenFiles()
    .filter((name) => !['errors.txt', 'time.txt', 'durability.txt'].includes(name))
    .flatMap((name) => readGolden(name).flatMap((c) => parse(c.input).map((parsed) => parsed.text)));
}

/** Deterministic numbers in [0, 1). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const insertions = [
  ...'( ) , . * + = < - || @ :: [ 1 1.5'.split(' '),
  ..."'x' a t select from where not and or is null in like between as group by order limit union all any case".split(
    ' ',
  ),
  ...'when then end cast int interval join on left values default array row exists distinct with for over'.split(
    ' ',
  ),
  ...'filter desc nulls first collate at time zone escape similar to only set using natural lateral window'.split(
    ' ',
  ),
  ...'cross date extract substring current_date true rows of'.split(' '),
  ...[...keywords.values()].filter((keyword) => keyword.standard).map((keyword) => keyword.word),
];

function mutate(sql: string, next: () => number): string {
  const parts = tokenize(sql).map((token) => token.image);
  const pick = (): string => insertions[Math.floor(next() * insertions.length)] ?? '';
  for (let changes = next() < 0.7 ? 1 : 2; changes > 0; changes--) {
    const at = Math.floor(next() * parts.length);
    const choice = next();
    if (choice < 0.3) parts.splice(at, 1);
    else if (choice < 0.6) parts.splice(at, 0, pick());
    else if (choice < 0.9) parts[at] = pick();
    else {
      const other = Math.floor(next() * parts.length);
      [parts[at], parts[other]] = [parts[other] ?? '', parts[at] ?? ''];
    }
  }
  return parts.join(' ');
}

/** Places where we are known to differ: more is accepted, or the error is found a token earlier or later. */
const known: readonly RegExp[] = [
  // Subscripts after tables, functions and arrays.
  /[a-z)\]] \[/i,
  // The oracle takes a parameter wherever a constant may stand, which PostgreSQL does not.
  /[a-z] \$\d/i,
  // EXPLAIN takes every CREATE.
  /^explain .* create view/i,
  // Column definitions before AS.
  /^create .*table .* as /i,
  // Statements we do not know at all.
  /^(abort|alter|analyse|call|checkpoint|cluster|create (?!table|view|temp|or)|do|drop|import|listen|load|merge|notify|reassign|reindex|security|unlisten|table \()/i,
];

describe('PostgreSQL as a judge', () => {
  beforeAll(loadOracle);

  it('accepts of our examples what PostgreSQL accepts', () => {
    const wrong = goldenStatements().filter(
      (sql) => postgresVerdict(sql) === 'ok' && ourVerdict(sql) !== 'ok',
    );
    expect(wrong).toEqual([]);
  });

  it('finds the errors of the examples where PostgreSQL does', () => {
    const wrong: string[] = [];
    for (const { input, expected } of readGolden('errors.txt')) {
      if (!expected.startsWith('error 42601')) continue;
      const theirs = postgresVerdict(input);
      const mine = ourVerdict(input);
      if (theirs !== 'ok' && theirs !== mine) wrong.push(`${input}\n  PostgreSQL ${theirs}\n  ours ${mine}`);
    }
    expect(wrong).toEqual([]);
  });

  it.each([1, 2, 3, 4])('agrees on mutated statements, seed %i', (seed) => {
    const next = random(seed);
    const originals = goldenStatements().filter(
      (sql) =>
        judged.test(sql) && !ours.test(sql) && postgresVerdict(sql) === 'ok' && tokenize(sql).length < 80,
    );
    const wrong: string[] = [];
    for (let i = 0; i < 1500; i++) {
      const sql = mutate(originals[Math.floor(next() * originals.length)] ?? '', next);
      if (
        sql.replaceAll(';', '').trim() === '' ||
        ours.test(sql) ||
        known.some((pattern) => pattern.test(sql))
      )
        continue;
      const theirs = postgresVerdict(sql);
      const mine = ourVerdict(sql);
      if (theirs !== mine) wrong.push(`${sql}\n  PostgreSQL ${theirs}\n  ours ${mine}`);
    }
    expect(wrong.join('\n')).toBe('');
  });
});
