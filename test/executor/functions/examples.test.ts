/** Every example of every function, aggregate and window function, run as SQL through the whole path. */
import { describe, expect, it } from 'vitest';
import { buildIndex, functionCatalog } from '../../../executor/functions/index.ts';
import { evaluateSql } from '../../harness/evaluateSql.ts';

function answer(sql: string): string {
  try {
    return evaluateSql(sql);
  } catch (error) {
    return String(error);
  }
}

describe('examples', () => {
  for (const kind of ['scalar', 'aggregate', 'window'] as const) {
    const functions = functionCatalog.all().filter((fn) => fn.kind !== 'table' && fn.kind === kind);
    it(`of ${functions.length} ${kind} functions`, () => {
      const wanted = functions.flatMap((fn) => (fn.kind === 'table' ? [] : fn.examples));
      const actual = wanted.map(([sql]) => [sql, answer(sql)]);
      expect(actual).toEqual(wanted);
    });
  }
});

describe('the registry', () => {
  it('finds functions by name and operator', () => {
    expect(functionCatalog.byName('round').length).toBeGreaterThan(2);
    expect(functionCatalog.byName('no_such_function')).toEqual([]);
    expect(functionCatalog.operators('~~*').map((fn) => fn.name)).toEqual(['texticlike', 'bpchariclike']);
  });

  it('has a description of each function', () => {
    const bare = functionCatalog.all().filter((fn) => fn.doc === '');
    expect(bare.map((fn) => fn.name)).toEqual([]);
  });

  it('gives the operators of a pair as commutators and negators of each other', () => {
    for (const fn of functionCatalog.all()) {
      if (fn.kind !== 'scalar') continue;
      for (const other of [fn.commutator, fn.negator]) {
        if (other === undefined) continue;
        const swapped = other === fn.commutator ? [...fn.args].reverse() : fn.args;
        const matches = functionCatalog.operators(other).some((o) => o.args.join() === swapped.join());
        expect(matches, `${fn.name}: ${other}(${swapped.join()})`).toBe(true);
      }
    }
  });

  it('refuses two functions of one signature', () => {
    const [fn] = functionCatalog.byName('abs');
    expect(fn).toBeDefined();
    expect(() => buildIndex(fn === undefined ? [] : [fn, fn])).toThrow('duplicate function');
  });
});
