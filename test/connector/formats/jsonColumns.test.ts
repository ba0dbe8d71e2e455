/**
 * JSON read straight into columns gives what the decoder of rows gives: the same rows in the same order, the same failures, fields
 * made NULL and drift, also where messages lie next to each other in one memory.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Column, types } from '../../../common/dataType.ts';
import { formatValue, plainContext } from '../../../common/textIo.ts';
import type { Row } from '../../../common/value.ts';
import type { DecodedRows, MessageConfig } from '../../../connector/formats/message.ts';
import { createMessageDecoder } from '../../../connector/formats/messageDecoder.ts';
import type { RemoteRecord } from '../../../connector/remote.ts';
import { Block, BlockBuilder } from '../../../server/remote/block.ts';
import { columns as allColumns, document } from './jsonDocuments.ts';
import { collector, columnsOf, configOf, decode, message, type Outcome } from './support.ts';

const seed = 20261121;
const columns = allColumns.filter(({ type }) => type.id !== 'array' && type.id !== 'struct');

/** Messages one right behind the other. */
function adjacent(texts: readonly (string | null)[]): readonly RemoteRecord[] {
  const values = texts.map((text) => Buffer.from(text ?? ''));
  const bytes = new Uint8Array(Buffer.concat([Buffer.from('{"'), ...values]));
  const memory = { bytes, view: new DataView(bytes.buffer) };
  let at = 2;
  return texts.map((text, i) => {
    const valueFrom = at;
    at += values[i]?.length ?? 0;
    if (text === null) return message(null, null, i);
    return { ...message(bytes.slice(valueFrom, at), null, i), memory, valueFrom, valueTo: at };
  });
}

interface Direct extends Outcome {
  /** Rows that were never objects. */
  readonly took: number;
}

function texts(columns: readonly Column[], row: Row): readonly (string | null)[] {
  const context = plainContext(() => 0n);
  return columns.map(({ type }, c) => {
    const value = row[c] ?? null;
    return value === null ? null : formatValue(value, type, context);
  });
}

async function decodeInto(
  config: MessageConfig,
  batches: readonly (readonly RemoteRecord[])[],
): Promise<readonly Direct[]> {
  const columnTypes = config.columns.map((c) => c.type);
  const builder = new BlockBuilder(columnTypes);
  const decoder = createMessageDecoder(config);
  const all: Direct[] = [];
  let took = 0;
  const direct = {
    columns: builder.columns,
    took: (record: RemoteRecord): void => {
      took++;
      builder.finish(record.partition);
    },
  };
  for (const records of batches) {
    const { outcome, out } = collector();
    took = 0;
    const into: DecodedRows = {
      put: (record, row) => builder.put(record.partition, row),
      remove: out.remove,
      fail: out.fail,
      nulled: out.nulled,
      drift: out.drift,
      direct,
    };
    await decoder.decode(records, into);
    const block = new Block(builder.build(), columnTypes);
    const puts = Array.from({ length: block.rows }, (_, i) => block.row(i));
    all.push({ ...outcome, puts, took });
  }
  return all;
}

/** Both ways, of batches that one decoder reads in turn. Gives how many rows were never objects. */
async function compare(
  config: MessageConfig,
  batches: readonly (readonly RemoteRecord[])[],
): Promise<number> {
  const found = await decodeInto(config, batches);
  for (const [i, records] of batches.entries()) {
    const expected = await decode(config, records);
    const { puts, fails, nulled, drift } = found[i] as Direct;
    const { columns } = config;
    expect(puts.map((row) => texts(columns, row))).toEqual(expected.puts.map((row) => texts(columns, row)));
    expect(fails).toEqual(expected.fails);
    expect(nulled).toEqual(expected.nulled);
    expect([...drift].sort()).toEqual([...expected.drift].sort());
  }
  return found.reduce((sum, { took }) => sum + took, 0);
}

const batches = fc.array(fc.array(document, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 });

describe('JSON into columns', () => {
  for (const onError of ['skip', 'null'] as const) {
    it(`is what becomes of rows, for batches of any documents (${onError})`, async () => {
      await fc.assert(
        fc.asyncProperty(batches, fc.boolean(), async (documents, isShared) => {
          const records = documents.map((texts) =>
            isShared ? adjacent(texts) : texts.map((text, i) => message(text, null, i)),
          );
          await compare(configOf(columns, { onError }), records);
        }),
        { seed, numRuns: 800 },
      );
    });
  }

  it('is, where messages are cut off or damaged among others', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(document, fc.nat(), fc.nat(), fc.constantFrom('', '"', '}', ',', '\\', '\u0001')), {
          minLength: 2,
          maxLength: 6,
        }),
        async (damages) => {
          const broken = damages.map(([text, at, cut, insert], i) => {
            if (i % 2 === 0) return text;
            const place = at % (text.length + 1);
            return text.slice(0, place) + insert + (cut % 2 === 0 ? '' : text.slice(place + (cut % 3)));
          });
          await compare(configOf(columns), [adjacent(broken)]);
        },
      ),
      { seed, numRuns: 800 },
    );
  });

  const pair = columnsOf({ id: types.int8, name: types.text });
  const texts8 = (...all: readonly (string | null)[]): readonly RemoteRecord[] => adjacent(all);

  it('takes usual messages without making rows of them', async () => {
    const usual = Array.from({ length: 50 }, (_, i) => `{"id":${i},"name":"n${i}"}`);
    expect(await compare(configOf(pair), [texts8(...usual), texts8(...usual)])).toBe(100);
    const odd = [
      '{"name":"é","id":1}',
      '{ "id" : -7 , "name" : "a\\nb" }\n',
      '{"id":null}',
      '{}',
      '{"x":[1,{"y":"\\""}],"id":2}',
    ];
    expect(await compare(configOf(pair), [texts8(...odd)])).toBe(odd.length);
  });

  it('leaves to rows what is not usual', async () => {
    const odd = [
      null,
      '',
      'null',
      '{"id":1',
      '{"id":1}{',
      '{"id":1,"id":2}',
      '{"id":1,"ID":2}',
      '{"id":"x"}',
      '{"id":1.5}',
      '{"id":99999999999999999999}',
      '{"name":"\\ud800"}',
      '{"name":"\\u0000"}',
    ];
    await compare(configOf(pair), [texts8(...odd)]);
    await compare(configOf(pair, { onError: 'null' }), [texts8(...odd)]);
    const required = [{ name: 'id', type: types.int8, nullable: false }, ...pair.slice(1)];
    expect(await compare(configOf(required), [texts8('{"id":1}', '{"name":"a"}', '{"id":null}')])).toBe(1);
  });

  it('gives a batch of which most is not usual to the decoder of rows', async () => {
    const odd = Array.from({ length: 200 }, (_, i) => `{"id":"${i}","id":${i}}`);
    await compare(configOf(pair), [texts8(...odd), texts8('{"id":1}')]);
  });

  it('refuses what is not UTF-8, whichever field it is in', async () => {
    const bad = (text: string): Uint8Array => Buffer.from(text.replace('?', '\u00ff'), 'latin1');
    const records = ['{"name":"?"}', '{"x":"?"}', '{"?":1}', '{"name":"a"}'].map((text, i) =>
      message(bad(text), null, i),
    );
    expect(await compare(configOf(pair), [records])).toBe(1);
  });

  it('writes texts of any length', async () => {
    const long = [10, 100_000, 3, 300_000].map((n) => `{"id":${n},"name":"${'x'.repeat(n)}é"}`);
    expect(await compare(configOf(pair), [texts8(...long), texts8('{"name":"a"}')])).toBe(5);
  });
});
