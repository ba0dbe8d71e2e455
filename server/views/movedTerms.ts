/**
 * Columns of a relation have got other places: the terms of its watermark in a plan, wherever they are, with the present ones. Only
 * what has such a term in it is copied, and what was shared stays so.
 */
import { must } from '../../common/assert.ts';
import type { Positions } from './replacement.ts';

function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

class Mover {
  readonly #relation: number;
  readonly #positions: Positions;
  /** By what was there before. Itself while it is being looked at, so that cycles end. */
  readonly #moved = new Map<object, unknown>();

  constructor(relation: number, positions: Positions) {
    this.#relation = relation;
    this.#positions = positions;
  }

  move(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    const known = this.#moved.get(value);
    if (known !== undefined) return known;
    this.#moved.set(value, value);
    const moved = this.#copied(value);
    this.#moved.set(value, moved);
    return moved;
  }

  #copied(value: object): unknown {
    if (Array.isArray(value)) {
      const items: readonly unknown[] = value;
      const moved = items.map((item) => this.move(item));
      return moved.some((item, i) => item !== items[i]) ? moved : value;
    }
    if (value instanceof Map) {
      const entries = [...(value as ReadonlyMap<unknown, unknown>)];
      const moved = entries.map(([key, item]) => [this.move(key), this.move(item)] as const);
      const isMoved = moved.some(([key, item], i) => key !== entries[i]?.[0] || item !== entries[i]?.[1]);
      return isMoved ? new Map(moved) : value;
    }
    if (!isPlain(value)) return value;
    const { kind, relation, column } = value;
    if (kind === 'relation' && relation === this.#relation && typeof column === 'number') {
      const now = must(this.#positions[column] ?? null, 'the column of a watermark stays');
      return now === column ? value : { ...value, column: now };
    }
    const entries = Object.entries(value);
    const moved = entries.map(([key, item]) => [key, this.move(item)] as const);
    return moved.some(([, item], i) => item !== entries[i]?.[1]) ? Object.fromEntries(moved) : value;
  }
}

/** `positions`: of each column of before its present one. */
export function withMovedTerms<T>(planned: T, relation: number, positions: Positions): T {
  return new Mover(relation, positions).move(planned) as T;
}
