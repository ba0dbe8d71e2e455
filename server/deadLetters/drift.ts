/**
 * How often fields of a source's records were not as its columns are, by field and kind. Bounded: fields beyond so many are
 * counted together.
 */
import type { FieldDrift } from '../../connector/connector.ts';

/** Fields that are counted one by one. */
const MOST_FIELDS = 1000;

export interface DriftEntry {
  readonly kind: FieldDrift['kind'];
  /** Null: further fields. */
  readonly field: string | null;
  readonly count: bigint;
  readonly firstAt: bigint;
  readonly lastAt: bigint;
  /** What the field held when it was last seen; null: nothing to show. */
  readonly sample: string | null;
}

export class DriftCounts {
  readonly #entries = new Map<string, DriftEntry>();

  add(found: readonly FieldDrift[], at: bigint): void {
    for (const { kind, field, count, sample } of found) {
      const own = `${kind}\n${field}`;
      const listed = this.#entries.has(own) || this.#entries.size < MOST_FIELDS;
      const key = listed ? own : kind;
      const known = this.#entries.get(key);
      this.#entries.set(key, {
        kind,
        field: listed ? field : null,
        count: (known?.count ?? 0n) + BigInt(count),
        firstAt: known?.firstAt ?? at,
        lastAt: at,
        sample: (listed ? sample : null) ?? known?.sample ?? null,
      });
    }
  }

  entries(): readonly DriftEntry[] {
    return [...this.#entries.values()];
  }

  restore(entries: readonly DriftEntry[]): void {
    this.#entries.clear();
    for (const entry of entries) {
      this.#entries.set(entry.field === null ? entry.kind : `${entry.kind}\n${entry.field}`, entry);
    }
  }
}
