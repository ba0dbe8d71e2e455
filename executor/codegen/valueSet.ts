/** A set of values by SQL equality, for types whose equality is not JavaScript's. */
import { type Comparator, comparator, hashValue } from '../../common/compare.ts';
import type { DataType } from '../../common/dataType.ts';
import type { NonNullValue } from '../../common/value.ts';

export class ValueSet {
  readonly #buckets = new Map<number, NonNullValue[]>();
  readonly #type: DataType;
  readonly #compare: Comparator;

  constructor(type: DataType, values: readonly NonNullValue[]) {
    this.#type = type;
    this.#compare = comparator(type);
    for (const value of values) {
      const hash = hashValue(value, type);
      const bucket = this.#buckets.get(hash);
      if (bucket === undefined) this.#buckets.set(hash, [value]);
      else bucket.push(value);
    }
  }

  has(value: NonNullValue): boolean {
    const bucket = this.#buckets.get(hashValue(value, this.#type));
    return bucket?.some((member) => this.#compare(member, value) === 0) ?? false;
  }
}
