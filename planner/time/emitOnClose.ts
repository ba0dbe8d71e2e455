/**
 * EMIT ON WINDOW CLOSE: where in the plan rows are kept back until they are final.
 *
 * From the root down, through nodes that only pass rows on: above each node that may take rows back (an aggregation, a
 * join, a top-n) stands a Close on a column with a watermark; below it everything runs on update. Inputs of such a node
 * are closed first where they can be, so that less is taken back on the way. OVER gives final rows by itself. A plan that
 * only ever adds rows waits at its root: rows come out in the order of the first column with a watermark.
 *
 * With allowed lateness a Close lets through what changes after its rows have gone out, and so the plan above it takes
 * rows back as well.
 */
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import { columnName } from '../explain/scalarText.ts';
import { calc } from '../physical/nodes.ts';
import type { PhysicalJoin, PhysicalPlan, PhysicalTemporalFilter, PhysicalWindow } from '../plan/physical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { columnOf, columnsOf } from '../plan/scalars.ts';
import { mapPhysicalInputs, rewritePhysical, walkPhysical } from '../plan/walk.ts';
import { refreshed } from './appendOnly.ts';
import { orderBound } from './bounds.ts';
import { columnToWaitFor } from './companions.ts';
import { lookAhead } from './lookAhead.ts';
import { slidingPanes } from './slidingPanes.ts';
import { onlyDelays } from './temporalFilterTerms.ts';
import { groupKey, withoutLateness } from './terms.ts';
import { watermarksOf } from './watermarks.ts';

export interface CloseTiming {
  readonly latenessMicros: bigint;
  /** Of the EMIT clause, for errors. */
  readonly position: number;
}

const NOT_EXECUTABLE = 'The query cannot be executed in Emit-On-Window-Close mode.';

/** The plan of a view that emits on window close; 0A000 where rows never become final. */
export function emitOnClose(plan: PhysicalPlan, timing: CloseTiming): PhysicalPlan {
  const closing = new Closing(timing);
  const input = timing.latenessMicros === 0n ? plan : withLateness(plan, timing.latenessMicros);
  const result = closing.final(input);
  if (result instanceof SqlError) throw result;
  return waits(result) ? result : closing.sorted(result);
}

/** Sources and tables also give the rows that come up to so much too late. */
function withLateness(plan: PhysicalPlan, lateness: bigint): PhysicalPlan {
  return rewritePhysical(plan, (node) => {
    if (node.kind !== 'Scan' || node.relation.kind === 'materialized view') return node;
    return node.relation.watermarked.length === 0 ? node : { ...node, lateness };
  });
}

/** True when something in the plan keeps rows back until they are final. */
function waits(plan: PhysicalPlan): boolean {
  let found = false;
  walkPhysical(plan, (node) => {
    found ||= node.kind === 'Close' || (node.kind === 'Window' && node.final === true);
  });
  return found;
}

type Result = PhysicalPlan | SqlError;

class Closing {
  readonly #timing: CloseTiming;
  readonly #corrections: boolean;
  readonly #done = new Map<PhysicalPlan, Result>();

  constructor(timing: CloseTiming) {
    this.#timing = timing;
    this.#corrections = timing.latenessMicros > 0n;
  }

  /** The plan with final rows only; an error when it has no point at which they are. Shared subplans stay shared. */
  final(plan: PhysicalPlan): Result {
    const known = this.#done.get(plan);
    if (known !== undefined) return known;
    const result = this.#node(plan);
    this.#done.set(plan, result);
    return result;
  }

  /** A plan that only adds rows: they wait for the first column with a watermark. */
  sorted(plan: PhysicalPlan): PhysicalPlan {
    const terms = watermarksOf(plan);
    const column = columnToWaitFor([...terms.keys()], terms);
    if (column === null) throw this.#refusal(NOT_EXECUTABLE, noWatermarkHint);
    return this.#close(plan, column);
  }

  #node(plan: PhysicalPlan): Result {
    switch (plan.kind) {
      case 'Calc':
      case 'Hop':
      case 'TableFunction':
      case 'MaxOneRow':
      case 'UnionAll':
      case 'MaterializedExprs':
        return this.#through(plan);
      case 'TemporalJoin': {
        const left = this.final(plan.left);
        return left instanceof SqlError ? left : refreshed({ ...plan, left });
      }
      case 'TemporalFilter':
        return this.#filter(plan);
      case 'Scan':
      case 'IndexScan':
      case 'Values':
      case 'Pace':
      case 'Expire':
      case 'Close':
      case 'SlidingPanes':
      // The changes of a relation, whose rows do not wait.
      case 'Changelog':
        return plan.appendOnly ? plan : this.#closed(plan);
      default:
        return this.#stateful(plan);
    }
  }

  /** Rows pass: they are final when those of the inputs are. */
  #through(plan: PhysicalPlan): Result {
    let error: SqlError | null = null;
    const result = mapPhysicalInputs(plan, (input) => {
      const final = this.final(input);
      if (!(final instanceof SqlError)) return final;
      error ??= final;
      return input;
    });
    return error ?? refreshed(result);
  }

  #filter(plan: PhysicalTemporalFilter): Result {
    const input = this.final(plan.input);
    if (input instanceof SqlError) return input;
    const filter = { ...plan, input };
    if (onlyDelays(filter)) return refreshed(filter);
    return this.#refusal(
      '`EMIT ON WINDOW CLOSE` cannot be used with a condition on now() that rows cease to fulfil',
      'Windows end by their watermark; leave the condition out, or let the view emit on update.',
    );
  }

  /** With inputs that are final as far as they can be; on update below where only that leads to a watermark. */
  #stateful(plan: PhysicalPlan): Result {
    const eager = refreshed(
      mapPhysicalInputs(plan, (input) => {
        const final = this.final(input);
        return final instanceof SqlError ? input : final;
      }),
    );
    if (eager.appendOnly) return eager;
    const result = this.#closed(eager);
    return result instanceof SqlError && eager !== plan ? this.#closed(plan) : result;
  }

  /** The node with a Close above it. */
  #closed(plan: PhysicalPlan): Result {
    if (plan.kind === 'Window') return this.#window(plan);
    if (plan.kind === 'Join' && plan.type === 'full') return this.#fullJoin(plan);
    const error = this.#checkGroups(plan);
    if (error !== null) return error;
    const terms = watermarksOf(plan);
    const column = columnToWaitFor(columnsToWaitFor(plan), terms);
    if (column === null) return this.#noColumn(plan);
    const sliding = plan.kind === 'Aggregate' && !this.#corrections ? slidingPanes(plan) : null;
    return sliding ?? this.#close(plan, column);
  }

  #close(input: PhysicalPlan, column: number): PhysicalPlan {
    const term = must(watermarksOf(input)[column] ?? null);
    const { schema, key, estimatedRows } = input;
    return refreshed({
      kind: 'Close',
      input,
      column,
      term: withoutLateness(term),
      corrections: this.#corrections,
      appendOnly: true,
      schema,
      key,
      estimatedRows,
    });
  }

  /** Keys that derive from different watermarks: which one would close the group? */
  #checkGroups(plan: PhysicalPlan): SqlError | null {
    if (plan.kind !== 'Aggregate') return null;
    if (plan.global) {
      return this.#refusal(
        '`EMIT ON WINDOW CLOSE` cannot be used for aggregation without `GROUP BY`',
        'Group by a column with a watermark, such as window_start of TUMBLE.',
      );
    }
    const terms = watermarksOf(plan);
    const keys = terms.slice(0, plan.keys.length).flatMap((t) => (t === null ? [] : [groupKey(t)]));
    if (new Set(keys).size <= 1) return null;
    return this.#refusal(
      'Emit-On-Window-Close mode requires that watermark columns in GROUP BY are derived from the same upstream column.',
      'Group by the window of one of the time columns only.',
    );
  }

  #noColumn(plan: PhysicalPlan): SqlError {
    if (plan.kind !== 'Aggregate') return this.#refusal(NOT_EXECUTABLE, noWatermarkHint);
    return this.#refusal(
      'Emit-On-Window-Close mode requires a watermark column in GROUP BY.',
      'Declare WATERMARK FOR a time column of the source, and group by it or by a window over it.',
    );
  }

  /** OVER: rows go out by themselves when their frame is complete, or with their partition. */
  #window(plan: PhysicalWindow): Result {
    const order = orderBound(plan);
    const { reach } = lookAhead(plan);
    const terms = watermarksOf(plan);
    const partition = columnToWaitFor(plan.partition, terms);
    // A frame that reaches over later rows is complete at the latest when its partition is.
    const waitsForRows = (reach === 'rows' || reach === 'all') && partition !== null;
    if (order !== null && reach !== 'all' && !waitsForRows) {
      if (!this.#corrections) return refreshed({ ...plan, orderBound: order, final: true });
      if ((terms[order.column] ?? null) !== null) return this.#close(plan, order.column);
    }
    if (partition !== null) return this.#close(plan, partition);
    if (order !== null && reach === 'all') {
      return this.#refusal(
        NOT_EXECUTABLE,
        'The frame of the window function reaches to the end of its partition: end it at a distance, or partition by a window.',
      );
    }
    if (order !== null) {
      return this.#refusal(
        '`ALLOWED LATENESS` cannot be used with frames that count rows after the current one',
        'Let the frame end at the current row, or partition by a window.',
      );
    }
    return this.#orderError(plan);
  }

  #orderError(plan: PhysicalWindow): SqlError {
    const [first, ...more] = plan.order;
    const hint = 'Order by the one column that has a watermark, ascending, or partition by a window over it.';
    if (first === undefined || more.length > 0 || first.descending) {
      return this.#refusal(
        'Only support window functions order by single column and in ascending order in Emit-On-Window-Close mode.',
        hint,
      );
    }
    const name = columnName(plan.input.schema, first.column);
    return this.#refusal(
      `The ORDER BY column \`${name}\` of the window function must be a watermark column`,
      hint,
    );
  }

  /** Either side may be NULL: rows wait for the one that is there. */
  #fullJoin(plan: PhysicalJoin): Result {
    const width = plan.left.schema.length;
    const terms = watermarksOf(plan);
    const left = terms.findIndex((t, i) => t !== null && i < width);
    const right = terms.findIndex(
      (t, i) => t !== null && i >= width && t.type.id === (terms[left]?.type.id ?? null),
    );
    if (left === -1 || right === -1) return this.#noColumn(plan);
    const operands = [columnOf(plan.schema, left), columnOf(plan.schema, right)];
    const own = columnsOf(plan.schema);
    const { type } = must(plan.schema[left]);
    const time: Scalar = { kind: 'coalesce', operands, type };
    const { schema, key, estimatedRows } = plan;
    const added = { name: 'time', type, nullable: true };
    const wide = calc(plan, null, [...own, time], { schema: [...schema, added], estimatedRows, key });
    const closed = this.#close(wide, own.length);
    return calc(closed, null, own, { schema, estimatedRows, key });
  }

  #refusal(message: string, hint: string): SqlError {
    return new SqlError('0A000', message, { hint, position: this.#timing.position });
  }
}

const noWatermarkHint = 'Try define a watermark column in the source, or avoid aggregation without GROUP BY';

/** Columns that may be waited for: keys of groups first; of outer joins only those of rows that are always there. */
function columnsToWaitFor(plan: PhysicalPlan): readonly number[] {
  const all = [...plan.schema.keys()];
  switch (plan.kind) {
    case 'Join':
    case 'AsofJoin': {
      const width = plan.left.schema.length;
      if (plan.type === 'left') return all.filter((c) => c < width);
      return plan.type === 'right' ? all.filter((c) => c >= width) : all;
    }
    default:
      return all;
  }
}
