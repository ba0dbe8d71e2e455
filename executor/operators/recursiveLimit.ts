/**
 * What stops a recursion without end: the number of iterations (setting millrace.recursion_limit), of different rows, and
 * of equal ones. An ad-hoc read then fails; in a view the recursion counts as empty, with an entry among the row errors,
 * until its inputs let it end.
 */
import { SqlError } from '../../common/sqlError.ts';
import type { PhysicalRecursive } from '../../planner/plan/physical.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import type { TickContext } from './operator.ts';
import { persistentValue } from './persistent.ts';

const DEFAULT_ITERATIONS = 10_000;
/** Rows of one recursion: more would not fit beside everything else. */
const MAX_ROWS = 1e7;
/** Equal rows: counts are 32 bits wide. */
const MAX_MULTIPLICITY = 1 << 28;

export class RecursionLimit {
  readonly #node: PhysicalRecursive;
  readonly #context: TickContext;
  #iterations = 0;
  #exceeded = false;
  #failed = false;

  constructor(node: PhysicalRecursive, context: TickContext) {
    this.#node = node;
    this.#context = context;
  }

  get persistent(): Persistent {
    return persistentValue<boolean>(
      () => this.#failed,
      (failed) => {
        this.#failed = failed;
      },
    );
  }

  /** True when the last evaluation was given up. */
  get failed(): boolean {
    return this.#failed;
  }

  get #limit(): number {
    const text = this.#context.eval.session.setting('millrace.recursion_limit');
    return text === null ? DEFAULT_ITERATIONS : Number(text);
  }

  start(): void {
    this.#iterations = 0;
    this.#exceeded = false;
  }

  /** Notes how many equal rows there are of a row. */
  checkMultiplicity(count: number): void {
    if (Math.abs(count) > MAX_MULTIPLICITY) this.#exceeded = true;
  }

  /** One more iteration, with so many different rows in all; false: too many. */
  next(rows: number): boolean {
    this.#iterations += 1;
    if (this.#iterations > this.#limit || rows > MAX_ROWS) this.#exceeded = true;
    return !this.#exceeded;
  }

  /** Files that the recursion has no end, or that it has one again. May throw. */
  settle(failed: boolean): void {
    if (failed === this.#failed) return;
    this.#context.rowError(this.#error(), failed ? 1 : -1, 'Recursive', [], []);
    this.#failed = failed;
  }

  #error(): SqlError {
    const { name } = this.#node;
    return new SqlError('54001', `recursive query "${name}" has not ended after ${this.#limit} iterations`, {
      hint: 'Bound it by a condition in its recursive term, use UNION instead of UNION ALL where rows come again, or raise millrace.recursion_limit.',
    });
  }
}
