/** What has to be given to who has seen some rows for them to have seen others. */
import type { DataType } from '../../common/dataType.ts';
import { formatValue, plainContext } from '../../common/textIo.ts';
import type { Row } from '../../common/value.ts';

const plain = plainContext(() => 0n);

/** Rows by which the second differ from the first, with weights: those to be taken away first. */
export function difference(
  before: Iterable<Row>,
  now: Iterable<Row>,
  types: readonly DataType[],
): readonly (readonly [row: Row, weight: number])[] {
  const net = new Map<string, { readonly row: Row; weight: number }>();
  const add = (row: Row, weight: number): void => {
    // As text: 1.0 and 1.00 are equal, but not the same.
    const texts = types.map((type, c) => {
      const value = row[c] ?? null;
      return value === null ? null : formatValue(value, type, plain);
    });
    const key = JSON.stringify(texts);
    const known = net.get(key);
    if (known === undefined) net.set(key, { row, weight });
    else if (known.weight + weight === 0) net.delete(key);
    else known.weight += weight;
  };
  for (const row of before) add(row, -1);
  for (const row of now) add(row, 1);
  return [...net.values()].map(({ row, weight }) => [row, weight] as const).sort((a, b) => a[1] - b[1]);
}
