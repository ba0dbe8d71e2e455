/** Arbitrary JSON objects for columns of every type: as they should be, nearly, and not at all. */
import fc from 'fast-check';
import { arrayOf, type Column, type DataType, types } from '../../../common/dataType.ts';
import { columnsOf } from './support.ts';

const struct: DataType = {
  id: 'struct',
  fields: [
    { name: 'city', type: types.text },
    { name: 'zip', type: types.int4 },
    { name: 'tags', type: arrayOf(types.varchar) },
  ],
};
export const columns: readonly Column[] = columnsOf({
  i2: types.int2,
  i4: types.int4,
  i8: types.int8,
  f8: types.float8,
  n: types.numeric,
  n2: { id: 'numeric', precision: 12, scale: 2 },
  b: types.bool,
  t: types.text,
  v3: { id: 'varchar', length: 3 },
  d: types.date,
  ts: types.timestamp,
  tz: types.timestamptz,
  tm: types.time,
  j: types.jsonb,
  s: struct,
  ai: arrayOf(types.int8),
  am: arrayOf(arrayOf(types.int4)),
  as: arrayOf(struct),
  UP: types.text,
});

/** JSON text with every freedom that the grammar gives. */
const space = fc.constantFrom('', '', '', ' ', '\n', '\t \r');
const stringText = fc.oneof(
  fc.string().map((s) => JSON.stringify(s)),
  fc.string({ unit: 'grapheme' }).map((s) => JSON.stringify(s)),
  fc.constantFrom(
    '"\\u00e9\\n\\/\\""',
    '"\\ud83d\\ude00"',
    '"\\ud83d"',
    '"\\u0000"',
    '"2024-02-29T12:34:56.789Z"',
    '"2024-02-30"',
    '"2024-02-29"',
    '"2024-01-01 00:00:00"',
    '"2024-01-01 23:59:59.123456"',
    '"2024-01-01 24:00:00"',
    '"2024-01-01 00:00:00+02"',
    '"1699-01-01"',
    '"12:30:00"',
    '"12"',
    '"NaN"',
    '"é漢"',
  ),
);
const numberText = fc.oneof(
  fc.integer().map(String),
  fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => (Object.is(x, -0) ? '-0' : String(x))),
  fc.constantFrom(
    '0',
    '-0',
    '-0.0',
    '1.0',
    '1e2',
    '1E+2',
    '1e-2',
    '12.50',
    '1e400',
    '1e-400',
    '9007199254740993',
    '0.1e1',
    '9223372036854775807',
    '9223372036854775808',
    '32768',
    '2147483648',
    '1700000000',
    '1700000000123',
    '99999999999',
    '1700000000123456',
    '1e20000',
  ),
);
const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('null', 'true', 'false'),
    numberText,
    stringText,
    fc
      .array(fc.tuple(space, tie('value')), { maxLength: 4 })
      .map((a) => `[${a.map(([s, v]) => s + v).join(',')}]`),
    fc
      .array(
        fc.tuple(
          fc.oneof(fc.constantFrom('"city"', '"zip"', '"tags"', '"City"', '"c\\u0069ty"'), stringText),
          tie('value'),
          space,
        ),
        { maxLength: 4 },
      )
      .map((a) => `{${a.map(([k, v, s]) => `${s}${k}${s}:${v}${s}`).join(',')}}`),
  ),
})).value;

const usual: Readonly<Record<string, fc.Arbitrary<string>>> = {
  i2: fc.integer({ min: -32768, max: 32767 }).map(String),
  i4: fc.integer().map(String),
  i8: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  f8: numberText,
  t: stringText,
  s: fc.tuple(stringText, fc.nat()).map(([c, z]) => `{"city":${c},"zip":${z}}`),
  ai: fc.array(fc.nat()).map((a) => JSON.stringify(a)),
  am: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }).map((a) => JSON.stringify([a, a])),
  as: fc.array(fc.nat()).map((a) => JSON.stringify(a.map((zip) => ({ zip, tags: ['a'] })))),
  ts: fc.constantFrom('"2024-01-01 10:00:00.5"', '1700000000000', '"2024-06-30T00:00:00Z"'),
};
const field = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .constantFrom(...columns.map((c) => c.name))
      .chain((name) => fc.tuple(fc.constant(JSON.stringify(name)), usual[name] ?? jsonText)),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(...columns.map((c) => c.name))
      .chain((name) => fc.tuple(fc.constant(JSON.stringify(name)), jsonText)),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom('"I4"', '"up"', '"Up"', '"\\u0074"', '"x"', '"y"', '"漢"'), jsonText),
  },
);
/** Objects, in the order of the columns' names or any. */
export const document = fc
  .tuple(fc.array(fc.tuple(field, space), { maxLength: 14 }), fc.boolean())
  .map(([fields, inOrder]) => {
    const sorted = inOrder ? [...fields].sort(([[a]], [[b]]) => (a < b ? -1 : a > b ? 1 : 0)) : fields;
    return `{${sorted.map(([[k, v], s]) => `${s}${k}${s}:${s}${v}`).join(`,`)}}`;
  });
