/** Every registered aggregate under insertion and deletion: the same as over what is left, added up anew. */
import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { type DataType, type Schema, types } from '../../../common/dataType.ts';
import { Decimal } from '../../../common/decimal.ts';
import type { AggregateFunction, TypePattern } from '../../../common/function.ts';
import { Interval } from '../../../common/interval.ts';
import { Jsonb } from '../../../common/jsonb.ts';
import { SqlError } from '../../../common/sqlError.ts';
import type { Row, Value } from '../../../common/value.ts';
import { functionCatalog } from '../../../executor/functions/index.ts';
import { AggregateOperator } from '../../../executor/operators/aggregate.ts';
import { createFold } from '../../../executor/operators/windowFold.ts';
import { sortRows } from '../../../executor/sort.ts';
import { checkIncremental, inputNode, type Probe, show, testContext } from '../../harness/operators.ts';

type Generator = (below: (n: number) => number) => Value;

const generators: { readonly [type: string]: Generator } = {
  bool: (below) => below(2) === 0,
  int2: (below) => below(6) - 2,
  int4: (below) => below(6) - 2,
  int8: (below) => BigInt(below(6) - 2) * 3_000_000_000n,
  float4: (below) => Math.fround(below(6) / 3),
  float8: (below) => [0.1, 1e16, -1e16, 2.5, 0.3][below(5)] ?? 0,
  numeric: (below) => Decimal.parse(['1.5', '1.50', '-2', '0.001', '7'][below(5)] ?? '0'),
  text: (below) => `t${below(4)}`,
  varchar: (below) => `v${below(4)}`,
  bytea: (below) => Uint8Array.from([below(3)]),
  date: (below) => below(5),
  time: (below) => BigInt(below(5)),
  timestamp: (below) => BigInt(below(5)),
  timestamptz: (below) => BigInt(below(5)),
  interval: (below) => new Interval(below(2), below(3), BigInt(below(5))),
  jsonb: (below) => new Jsonb(`j${below(3)}`),
  uuid: (below) => `00000000-0000-0000-0000-00000000000${below(4)}`,
};

/** A concrete type for a pattern, where there is a generator for it. */
function typeOf(pattern: TypePattern): DataType | null {
  if (pattern in generators) return (types as Record<string, DataType>)[pattern] ?? null;
  return ['any', 'anyelement', 'anynonarray', 'anycompatible'].includes(pattern) ? types.int4 : null;
}

function columnsOf(fn: AggregateFunction): Schema | null {
  const args = fn.args.map(typeOf);
  if (args.some((type) => type === null) || fn.variadic === true) return null;
  return [
    { name: 'k', type: types.int4, nullable: false },
    ...args.map((type, i) => ({ name: `a${i}`, type: must(type), nullable: true })),
  ];
}

function resultType(fn: AggregateFunction, args: readonly DataType[]): DataType {
  if (typeof fn.returns === 'function') return fn.returns(args);
  if (fn.returns === 'anyelement' || fn.returns === 'anycompatible') return args.at(-1) ?? types.int4;
  if (fn.returns === 'anyarray') return { id: 'array', element: args[0] ?? types.int4 };
  return (types as Record<string, DataType>)[fn.returns] ?? { id: 'array', element: types.float8 };
}

const aggregates = functionCatalog
  .all()
  .filter((fn) => fn.kind === 'aggregate')
  .flatMap((fn): (readonly [string, AggregateFunction, Schema])[] => {
    const columns = columnsOf(fn);
    return columns === null ? [] : [[`${fn.name}(${fn.args.join(', ')})`, fn, columns]];
  });

function check(fn: AggregateFunction, columns: Schema, distinct: boolean, seed: number): void {
  const args = fn.args.map((_, i) => i + 1);
  const argTypes = columns.slice(1).map((column) => column.type);
  const type = resultType(fn, argTypes);
  const orderBy =
    fn.orderedSet === true && args.length > 0
      ? [{ column: args.length, descending: false, nullsFirst: false }]
      : [];
  const call = { fn, args, distinct, filter: null, orderBy, type };
  const expected = (rows: readonly Row[]): Value => {
    const fold = createFold(fn, argTypes, type, testContext().eval);
    const order = [...orderBy, ...args.map((column) => ({ column, descending: false, nullsFirst: false }))];
    let sorted = sortRows(
      [...rows],
      columns.map((column) => column.type),
      order,
    );
    if (distinct) sorted = [...new Map(sorted.map((row) => [row.slice(1).map(show).join(), row])).values()];
    for (const row of sorted)
      if (fn.nulls === 'called' || !row.slice(1).includes(null)) fold.add(row.slice(1));
    return fold.result();
  };
  checkIncremental(
    {
      make: () =>
        new AggregateOperator(
          {
            kind: 'Aggregate',
            input: inputNode(columns),
            keys: [0],
            aggregates: [call],
            global: false,
            schema: [must(columns[0]), { name: 'r', type, nullable: true }],
            appendOnly: false,
            key: [0],
            estimatedRows: 1,
          },
          testContext(),
        ),
      inputs: [columns],
      row: (random) => {
        const below = (n: number): number => Math.floor(random() * n);
        const values = argTypes.map((t, i): Value => {
          // A direct argument is one constant for the whole call.
          if (fn.orderedSet === true && i === 0 && args.length > 1) return t.id === 'float8' ? 0.5 : 1;
          if (random() < 0.1) return null;
          // Of 1.5 and 1.50 either is the least.
          if (t.id === 'numeric' && (fn.name === 'min' || fn.name === 'max'))
            return Decimal.fromInt(below(5));
          return must(generators[t.id])(below);
        });
        return [below(3), ...values];
      },
      naive: () => [],
      check: (probe: Probe, [rows = []]) => {
        const groups = Map.groupBy(rows, (row) => Number(row[0]));
        const wanted = [...groups].flatMap(([key, members]) => {
          try {
            return [`${key} ${show(expected(members))}`];
          } catch (error) {
            if (error instanceof SqlError) return [];
            throw error;
          }
        });
        expect(probe.rows()).toEqual(wanted.sort());
      },
      ticks: 12,
      rowsPerTick: 8,
    },
    seed,
  );
}

describe('registered aggregates', () => {
  it('are mostly covered', () => {
    expect(aggregates.length).toBeGreaterThan(40);
  });

  it.each(aggregates)('%s', (_, fn, columns) => {
    check(fn, columns, false, 1);
    check(fn, columns, false, 2);
  });

  // 1.5 and 1.50 are one value: which of them stays is not determined.
  const plain = aggregates.filter(
    ([, fn, columns]) => fn.args.length > 0 && columns.every((c) => c.type.id !== 'numeric'),
  );
  it.each(plain)('DISTINCT: %s', (_, fn, columns) => {
    if (fn.orderedSet !== true) check(fn, columns, true, 3);
  });
});
