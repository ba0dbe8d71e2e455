/** Random types and values of them, edge cases included. */
import fc from 'fast-check';
import { arrayOf, type DataType, types } from '../../common/dataType.ts';
import { Decimal } from '../../common/decimal.ts';
import { Interval } from '../../common/interval.ts';
import { Jsonb, type JsonNode } from '../../common/jsonb.ts';
import { jsonObject } from '../../common/jsonText.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { TimeTz } from '../../common/timeTz.ts';
import {
  DATE_INFINITY,
  DATE_MINUS_INFINITY,
  type NonNullValue,
  TIMESTAMP_INFINITY,
  TIMESTAMP_MINUS_INFINITY,
  type Value,
} from '../../common/value.ts';

const DAY = 86_400_000_000n;

export const decimals: fc.Arbitrary<Decimal> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.constantFrom(Decimal.NAN, Decimal.INFINITY, Decimal.MINUS_INFINITY, Decimal.ZERO),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.integer({ min: -2000, max: 2000 }), fc.nat(4))
      .map(([c, s]) => new Decimal(BigInt(c), s)),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.nat(30))
      .map(([c, s]) => new Decimal(c, s)),
  },
);

/** Text without NUL, with characters from all planes. */
export const texts: fc.Arbitrary<string> = fc.oneof(
  fc.string({
    unit: fc.constantFrom('a', 'b', ' ', '"', '\\', ',', '{', '}', '(', ')', 'é', '日', '\uffee', '😀', '\t'),
    maxLength: 8,
  }),
  fc.string({ unit: 'binary', maxLength: 6 }).map((s) => s.replaceAll('\0', '')),
  fc.constantFrom('', 'NULL', 'null', 'true', ' ', "'"),
);

const finiteTimestamps = fc.bigInt({ min: -210_866_803_200_000_000n, max: 9_223_372_036_854_775_806n });
const timestamps = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(TIMESTAMP_INFINITY, TIMESTAMP_MINUS_INFINITY, 0n) },
  { weight: 4, arbitrary: fc.bigInt({ min: -4_000_000_000_000_000n, max: 4_000_000_000_000_000n }) },
  { weight: 2, arbitrary: finiteTimestamps },
);

const floats = fc.oneof(
  fc.double(),
  fc.constantFrom(0, -0, Number.NaN, 1e15, 1e-5, 123456789012345680),
  fc.integer(),
);
const times = fc.bigInt({ min: 0n, max: DAY });
const int4s = fc.oneof(fc.integer(), fc.integer({ min: -3, max: 3 }));

const jsonNodes: fc.Arbitrary<JsonNode> = fc.letrec<{ node: JsonNode }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<JsonNode>(null, true, false),
    decimals.filter((d) => d.special === null),
    texts,
    fc.array(tie('node'), { maxLength: 3 }),
    fc.array(fc.tuple(texts, tie('node')), { maxLength: 3 }).map((fields) => jsonObject(fields)),
  ),
})).node;

const unsigned = fc.nat(4_294_967_295);

/** Values of a type. */
export function valuesOf(type: DataType): fc.Arbitrary<NonNullValue> {
  switch (type.id) {
    case 'bool':
      return fc.boolean();
    case 'int2':
      return fc.integer({ min: -32_768, max: 32_767 });
    case 'int4':
      return int4s;
    case 'int8':
      return fc.oneof(
        fc.bigInt({ min: -0x8000000000000000n, max: 0x7fffffffffffffffn }),
        fc.bigInt({ min: -3n, max: 3n }),
      );
    case 'float4':
      return floats.map(Math.fround);
    case 'float8':
      return floats;
    case 'numeric':
      return decimals;
    case 'text':
    case 'varchar':
    case 'bpchar':
    case 'unknown':
      return texts;
    case 'name':
      return fc.string({ unit: fc.constantFrom('a', 'b', 'é'), maxLength: 20 });
    case 'char':
      return fc.constantFrom('', 'a', 'b', 'z');
    case 'void':
      return fc.constant('');
    case 'bytea':
      return fc.uint8Array({ maxLength: 6 }).map((bytes) => Uint8Array.from(bytes));
    case 'date':
      return fc.oneof(
        fc.integer({ min: -2_440_588, max: 2_145_042_905 }),
        fc.integer({ min: -100_000, max: 100_000 }),
        fc.constantFrom(DATE_INFINITY, DATE_MINUS_INFINITY),
      );
    case 'time':
      return times;
    case 'timetz':
      return fc
        .tuple(
          fc.oneof(times, fc.constant(0n)),
          fc.oneof(fc.integer({ min: -57_599, max: 57_599 }), fc.constant(0)),
        )
        .map(([micros, offset]) => new TimeTz(micros, offset));
    case 'timestamp':
    case 'timestamptz':
      return timestamps;
    case 'interval':
      return fc.oneof(
        fc
          .tuple(fc.integer(), fc.integer(), fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }))
          .map(([m, d, u]) => new Interval(m, d, u)),
        fc
          .tuple(
            fc.integer({ min: -2, max: 2 }),
            fc.integer({ min: -60, max: 60 }),
            fc.integer({ min: -2, max: 2 }),
          )
          .map(([m, d, days]) => new Interval(m, d, BigInt(days) * DAY)),
      );
    case 'json':
      return fc.constantFrom('1', '{"a": 1}', ' [1, 2] ', 'null', '"é"');
    case 'jsonb':
      return jsonNodes.map((node) => new Jsonb(node));
    case 'uuid':
      return fc.uuid();
    case 'oid':
    case 'regclass':
    case 'regproc':
    case 'regnamespace':
      return unsigned;
    case 'regtype':
      return fc.constantFrom(0, 23, 25, 1007, 99_999);
    case 'array':
      return arraysOf(type.element);
    case 'struct':
      return fc.tuple(...type.fields.map((field) => nullable(valuesOf(field.type))));
  }
}

export function nullable(values: fc.Arbitrary<NonNullValue>): fc.Arbitrary<Value> {
  return fc.option(values, { nil: null, freq: 5 });
}

function arraysOf(element: DataType): fc.Arbitrary<SqlArray> {
  const elements = nullable(valuesOf(element));
  return fc.oneof(
    fc.array(elements, { maxLength: 4 }).map((items) => new SqlArray(items)),
    fc
      .tuple(fc.array(elements, { minLength: 4, maxLength: 4 }), fc.integer({ min: -2, max: 2 }))
      .map(([items, low]) => new SqlArray(items, [2, 2], [low, 1])),
  );
}

/** One type of every kind, with nested ones. */
export const sampleTypes: readonly DataType[] = [
  ...Object.values(types),
  arrayOf(types.int4),
  arrayOf(types.text),
  arrayOf(types.numeric),
  {
    id: 'struct',
    fields: [
      { name: 'a', type: types.int4 },
      { name: 'b', type: types.text },
      { name: 'c', type: arrayOf(types.float8) },
      { name: 'd', type: types.jsonb },
    ],
  },
];

/** Two values that are often equal without being the same. */
export function pairsOf(type: DataType): fc.Arbitrary<readonly [NonNullValue, NonNullValue]> {
  const values = valuesOf(type);
  return fc.oneof(
    fc.tuple(values, values),
    values.map((v) => [v, twin(v, type)] as const),
  );
}

/** An equal value in another representation where the type has one. */
function twin(value: NonNullValue, type: DataType): NonNullValue {
  if (value instanceof Decimal && value.special === null) {
    return new Decimal(value.coefficient * 100n, value.scale + 2);
  }
  if (
    value instanceof Interval &&
    value.months > -1000 &&
    value.days > -1_000_000 &&
    value.days < 1_000_000
  ) {
    return new Interval(value.months - 1, value.days + 30, value.micros);
  }
  if (type.id === 'bpchar' && typeof value === 'string') return `${value}  `;
  if ((type.id === 'float8' || type.id === 'float4') && value === 0) return -0;
  return value;
}
