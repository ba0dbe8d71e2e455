/**
 * Assembles JavaScript functions from generated statements.
 *
 * A program is the text of one function and the run-time values it closes over, passed as parameters k0, k1 ... of a
 * factory. Factories are kept by text, so equal queries (literals hoisted to constants) compile once.
 */
import { assert } from '../../common/assert.ts';

/** Compiled factories kept; when full all are dropped, which bounds memory without bookkeeping on hits. */
const MAX_FACTORIES = 4096;

type Factory = (...constants: readonly unknown[]) => unknown;

const factories = new Map<string, Factory>();

const negativeZero = Symbol('-0');

/** The run-time values that generated code refers to. Equal values (by identity) share a name. */
export class Constants {
  readonly #names = new Map<unknown, string>();
  readonly #values: unknown[] = [];

  name(value: unknown): string {
    // A Map takes -0 for 0.
    const key = Object.is(value, -0) ? negativeZero : value;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const name = `k${this.#values.length}`;
    this.#names.set(key, name);
    this.#values.push(value);
    return name;
  }

  get values(): readonly unknown[] {
    return this.#values;
  }
}

function factoryOf(text: string, constants: number): Factory {
  const known = factories.get(text);
  if (known !== undefined) return known;
  if (factories.size >= MAX_FACTORIES) factories.clear();
  const names = Array.from({ length: constants }, (_, i) => `k${i}`);
  const made = new Function(...names, text) as Factory;
  factories.set(text, made);
  return made;
}

/**
 * Runs `text` (statements that end in `return ...`) once with the constants in scope and gives what it returns: a
 * function, or an object of functions that share variables. The caller states its type.
 */
export function instantiate<T>(text: string, constants: Constants): T {
  const values = constants.values;
  const result = factoryOf(`"use strict";\n${text}`, values.length)(...values);
  assert(result !== undefined, 'generated program returns nothing');
  return result as T;
}
