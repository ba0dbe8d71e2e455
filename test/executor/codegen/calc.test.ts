import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { types } from '../../../common/dataType.ts';
import type { Row, Value } from '../../../common/value.ts';
import { batchRow } from '../../../executor/batchBuilder.ts';
import { compileCalc } from '../../../executor/codegen/calc.ts';
import { evaluateScalar } from '../../../executor/codegen/evaluate.ts';
import { compileSelection } from '../../../executor/codegen/predicate.ts';
import type { Scalar } from '../../../planner/plan/scalar.ts';
import { batches, type Delta, schema, seeded, showRow, testContext } from '../../harness/operators.ts';
import { and, bool, call, cast, column, int, or } from './expressions.ts';

const input = schema('a int4?, b int4, f bool?, t text?, l int8?, d float8?, n numeric?');
const { bool: b, int4, int8, float8 } = types;

class Failed {
  readonly failed = true;
}

/** What an expression means, by its definition. */
function interpret(s: Scalar, row: Row): Value {
  const get = (x: Scalar): Value => interpret(x, row);
  switch (s.kind) {
    case 'column':
      return row[s.index] ?? null;
    case 'literal':
      return s.value;
    case 'not': {
      const x = get(s.operand);
      return x === null ? null : !x;
    }
    case 'and':
    case 'or': {
      let unknown = false;
      for (const operand of s.operands) {
        const x = get(operand);
        if (x === (s.kind === 'or')) return x;
        if (x === null) unknown = true;
      }
      return unknown ? null : s.kind === 'and';
    }
    case 'isNull':
      return (get(s.operand) === null) !== s.negated;
    case 'isBool':
      return (get(s.operand) === s.test) !== s.negated;
    case 'isDistinct':
      return (get(s.left) !== get(s.right)) !== s.negated;
    case 'case': {
      for (const { when, then } of s.whens) if (get(when) === true) return get(then);
      return s.otherwise === null ? null : get(s.otherwise);
    }
    case 'coalesce': {
      for (const operand of s.operands) {
        const x = get(operand);
        if (x !== null) return x;
      }
      return null;
    }
    case 'greatest':
    case 'least': {
      const values = s.operands.map(get).filter((x) => x !== null) as number[];
      if (values.length === 0) return null;
      return s.kind === 'greatest' ? Math.max(...values) : Math.min(...values);
    }
    case 'inSet': {
      const x = get(s.operand);
      if (x === null) return null;
      if (s.values.includes(x)) return !s.negated;
      return s.hasNull ? null : s.negated;
    }
    case 'call': {
      const args = s.args.map(get) as (number | null)[];
      const [x = null, y = null] = args;
      if (x === null || y === null) return null;
      if (s.fn.name === 'int4pl') return x + y;
      if (s.fn.name === 'int4lt') return x < y;
      if (s.fn.name === 'int4eq') return x === y;
      if (y === 0) throw new Failed();
      return Math.trunc(x / y) + 0;
    }
    default:
      throw new TypeError(s.kind);
  }
}

function randomInt(random: () => number, depth: number): Scalar {
  const r = random();
  const sub = (): Scalar => randomInt(random, depth - 1);
  if (depth === 0 || r < 0.15)
    return r < 0.1 ? int(Math.floor(random() * 4) - 1) : column(random() < 0.5 ? 0 : 1, int4);
  if (r < 0.3) return call('int4pl', int4, sub(), sub());
  if (r < 0.5) return call('int4div', int4, sub(), sub());
  if (r < 0.6)
    return { kind: random() < 0.5 ? 'greatest' : 'least', operands: [sub(), sub(), sub()], type: int4 };
  if (r < 0.75) return { kind: 'coalesce', operands: [sub(), sub()], type: int4 };
  const whens = [
    { when: randomBool(random, depth - 1), then: sub() },
    { when: randomBool(random, depth - 1), then: sub() },
  ];
  return { kind: 'case', whens, otherwise: random() < 0.5 ? null : sub(), type: int4 };
}

function randomBool(random: () => number, depth: number): Scalar {
  const r = random();
  const sub = (): Scalar => randomBool(random, depth - 1);
  const number = (): Scalar => randomInt(random, depth - 1);
  const flip = random() < 0.5;
  if (depth === 0 || r < 0.1) return r < 0.05 ? bool(random() < 0.3 ? null : flip) : column(2, b);
  if (r < 0.2) return and(sub(), sub(), sub());
  if (r < 0.3) return or(sub(), sub());
  if (r < 0.4) return { kind: 'not', operand: sub(), type: b };
  if (r < 0.5) return { kind: 'isNull', operand: number(), negated: flip, type: b };
  if (r < 0.6) return { kind: 'isBool', operand: sub(), test: random() < 0.5, negated: flip, type: b };
  if (r < 0.7) return { kind: 'isDistinct', left: number(), right: number(), negated: flip, type: b };
  if (r < 0.8)
    return {
      kind: 'inSet',
      operand: number(),
      values: [1, 2],
      hasNull: random() < 0.5,
      negated: flip,
      type: b,
    };
  return call(flip ? 'int4lt' : 'int4eq', b, number(), number());
}

function randomRow(random: () => number): Row {
  const small = (): number => Math.floor(random() * 5) - 1;
  return [
    random() < 0.3 ? null : small(),
    small(),
    random() < 0.3 ? null : random() < 0.5,
    `t${small()}`,
    BigInt(small()),
    small(),
    null,
  ];
}

function attempt(f: () => Value): Value | Failed {
  try {
    return f();
  } catch {
    return new Failed();
  }
}

function run(
  condition: Scalar | null,
  exprs: readonly Scalar[],
  rows: readonly Delta[],
): { out: string[]; errors: number } {
  const context = testContext();
  const loop = compileCalc(condition, exprs, input);
  const out: string[] = [];
  for (const batch of batches(input, rows, 700)) {
    loop(batch, context, (result) => {
      for (let i = 0; i < result.length; i++)
        out.push(`${must(result.weights[i])} ${showRow(batchRow(result, i))}`);
    });
  }
  return { out, errors: context.errors.length };
}

describe('compileCalc', () => {
  it('means what the definitions say, for random expressions', () => {
    const random = seeded(1);
    for (let round = 0; round < 150; round++) {
      const condition = randomBool(random, 4);
      const exprs = [randomInt(random, 4), column(3, types.text), randomBool(random, 3)];
      const rows = Array.from({ length: 30 }, (_, i): Delta => [randomRow(random), i % 3 === 0 ? -1 : 2]);
      const expected = (where: Scalar | null): { out: string[]; errors: number } => {
        let errors = 0;
        const out = rows.flatMap(([row, weight]) => {
          const kept = where === null ? true : attempt(() => interpret(where, row));
          const values = kept === true ? exprs.map((expr) => attempt(() => interpret(expr, row))) : [];
          if (kept instanceof Failed || values.some((value) => value instanceof Failed)) {
            errors++;
            return [];
          }
          return kept === true ? [`${weight} ${showRow(values as Value[])}`] : [];
        });
        return { out, errors };
      };
      // A filter drops a row at the first conjunct that is not true, so that it may see fewer errors than AND.
      expect(run(condition, exprs, rows).out).toEqual(expected(condition).out);
      expect(run(null, exprs, rows)).toEqual(expected(null));
      for (const [row] of rows.slice(0, 3)) {
        for (const expr of [condition, ...exprs]) {
          expect(attempt(() => evaluateScalar(expr, testContext().eval, row))).toEqual(
            attempt(() => interpret(expr, row)),
          );
        }
      }
    }
  });

  it('shares the vectors that a projection passes on', () => {
    const [batch] = batches(input, [[randomRow(seeded(1)), 1]]);
    const loop = compileCalc(null, [column(4, int8), column(1, int4)], input);
    loop(must(batch), testContext(), (result) => {
      expect(result.columns[0]).toBe(batch?.columns[4]);
      expect(result.columns[1]).toBe(batch?.columns[1]);
    });
  });

  it('emits filtered rows in chunks', () => {
    const rows = Array.from(
      { length: 5000 },
      (_, i): Delta => [[i, i, true, 'x', BigInt(i), i / 2, null], 1],
    );
    const context = testContext();
    const loop = compileCalc(
      call('int4lt', b, column(0, int4), int(4000)),
      input.map((c, i) => column(i, c.type)),
      input,
    );
    let count = 0;
    for (const batch of batches(input, rows, 5000)) {
      loop(batch, context, (result) => {
        expect(result.length).toBeLessThanOrEqual(1024);
        for (let i = 0; i < result.length; i++)
          expect(showRow(batchRow(result, i))).toBe(showRow(must(rows[count++])[0]));
      });
    }
    expect(count).toBe(4000);
  });

  it('reports rows that fail with their position and leaves them out', () => {
    const context = testContext();
    const loop = compileCalc(null, [column(1, int4), call('int4div', int4, int(6), column(1, int4))], input);
    const out: string[] = [];
    const rows = [1, 0, 2].map((x): Delta => [[null, x, null, null, null, null, null], 1]);
    for (const batch of batches(input, rows)) {
      loop(batch, context, (result) => {
        for (let i = 0; i < result.length; i++) out.push(showRow(batchRow(result, i)));
      });
    }
    expect(out).toEqual(['1 6', '2 3']);
    expect(context.errors.map((error) => [error.message, error.position])).toEqual([['division by zero', 7]]);
  });

  it('converts between kinds', () => {
    const exprs = [
      cast(column(0, int4), int8),
      cast(column(4, int8), float8),
      cast(column(5, float8), types.text),
      cast(column(6, types.numeric), int4),
    ];
    const { out } = run(null, exprs, [
      [[1, 0, null, null, 2n, 2.5, null], 1],
      [[null, 0, null, null, null, null, null], 1],
    ]);
    expect(out).toEqual(['1 1 2 2.5 NULL', '1 NULL NULL NULL NULL']);
  });
});

describe('compileSelection', () => {
  it('gives the rows that pass', () => {
    const selection = compileSelection(call('int4lt', b, column(0, int4), column(1, int4)), input, 'Join');
    const rows = [
      [1, 2],
      [2, 1],
      [null, 5],
      [0, 1],
    ].map(([x, y]): Delta => [[x ?? null, y ?? 0, null, null, null, null, null], 1]);
    const [batch] = batches(input, rows);
    const passed = new Int32Array(4);
    const n = selection(must(batch).columns, 4, must(batch).weights, testContext(), passed);
    expect([...passed.subarray(0, n)]).toEqual([0, 3]);
  });
});
