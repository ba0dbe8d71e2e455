/** How often fields were not as their columns are, within one poll: by field and kind, with the first sample of each. */
import type { FieldDrift } from '../connector.ts';
import type { Sample } from '../formats/decoder.ts';

type Entry = { -readonly [K in keyof FieldDrift]: FieldDrift[K] };

export class DriftTally {
  readonly #byField = new Map<string, Entry[]>();

  /** `sample` is asked for the first time only. */
  count(kind: FieldDrift['kind'], field: string, sample: Sample): void {
    this.#add(kind, field, 1, sample);
  }

  merge(found: readonly FieldDrift[]): void {
    for (const { kind, field, count, sample } of found) this.#add(kind, field, count, sample);
  }

  #add(kind: FieldDrift['kind'], field: string, count: number, sample: Sample): void {
    const entries = this.#byField.get(field);
    const known = entries?.find((entry) => entry.kind === kind);
    if (known !== undefined) {
      known.count += count;
      return;
    }
    const entry = { kind, field, count, sample: typeof sample === 'function' ? sample() : sample };
    if (entries === undefined) this.#byField.set(field, [entry]);
    else entries.push(entry);
  }

  list(): readonly FieldDrift[] {
    return this.#byField.size === 0 ? [] : [...this.#byField.values()].flat();
  }
}
