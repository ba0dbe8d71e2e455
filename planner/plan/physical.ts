/**
 * The physical plan: what the executor builds operators from. Keys are input columns (the planner computes key
 * expressions in a Calc below). Every node carries its output schema and the properties that operators specialise on.
 */
import type { RelationEntry } from '../../common/catalog.ts';
import type { DataType, Schema } from '../../common/dataType.ts';
import type { TableFunction } from '../../common/function.ts';
import type { AggregateCall, SortKey, WindowCall } from './aggregateCall.ts';
import type { JoinType } from './logical.ts';
import type { Scalar } from './scalar.ts';
import type { StateBound, WatermarkTerm } from './watermark.ts';

export interface PhysicalProperties {
  readonly schema: Schema;
  /** Output deltas never have negative weights. */
  readonly appendOnly: boolean;
  /** Output columns that identify a row (each combination at most once); null: none known. Empty: at most one row. */
  readonly key: readonly number[] | null;
  /** Estimated rows. */
  readonly estimatedRows: number;
}

export interface PhysicalScan extends PhysicalProperties {
  readonly kind: 'Scan';
  readonly relation: RelationEntry;
  /** Chosen columns of the relation, in output order. */
  readonly columns: readonly number[];
  /** Maintained only: rows up to so many microseconds too late belong to the view as well. */
  readonly lateness?: bigint;
}
/** Ad-hoc only: rows of the relation whose index (null: key) columns equal, or lie in a range. */
export interface PhysicalIndexScan extends PhysicalProperties {
  readonly kind: 'IndexScan';
  readonly relation: RelationEntry;
  /** Index id, or null for the relation's own key. */
  readonly index: number | null;
  readonly columns: readonly number[];
  /** Equality values for the leading index columns: one list per point looked up. */
  readonly points: readonly (readonly Scalar[])[];
  /** Range on the index column after the equality prefix. */
  readonly lower: { readonly value: Scalar; readonly inclusive: boolean } | null;
  readonly upper: { readonly value: Scalar; readonly inclusive: boolean } | null;
}
export interface PhysicalValues extends PhysicalProperties {
  readonly kind: 'Values';
  readonly rows: readonly (readonly Scalar[])[];
}
/** Fused filter and projection; projections over the input. */
export interface PhysicalCalc extends PhysicalProperties {
  readonly kind: 'Calc';
  readonly input: PhysicalPlan;
  readonly condition: Scalar | null;
  readonly exprs: readonly Scalar[];
}
export interface PhysicalHop extends PhysicalProperties {
  readonly kind: 'Hop';
  readonly input: PhysicalPlan;
  readonly time: number;
  readonly slideMicros: bigint;
  readonly sizeMicros: bigint;
  readonly offsetMicros: bigint;
  /** CUMULATE: windows grow from their common start by `slide` up to `size`. */
  readonly cumulate?: boolean;
}
/**
 * Output: input ++ session id (int8). Rows of one partition are in one session iff a chain of rows connects them with no
 * gap above `gapMicros`. Ids are opaque, unique over all partitions; a row may change its id when sessions merge or
 * split. Rows with a NULL time have a NULL id. `clean` on the time column: a session whose last time + gap is below it.
 */
export interface PhysicalSession extends PhysicalProperties {
  readonly kind: 'Session';
  readonly input: PhysicalPlan;
  readonly partition: readonly number[];
  readonly time: number;
  readonly gapMicros: bigint;
  readonly clean?: StateBound;
}
export interface PhysicalTableFunction extends PhysicalProperties {
  readonly kind: 'TableFunction';
  readonly input: PhysicalPlan;
  readonly calls: readonly { readonly fn: TableFunction; readonly args: readonly Scalar[] }[];
  readonly ordinality: boolean;
}
/**
 * leftKeys[i] = rightKeys[i], equal physical types; nullSafe[i]: NULL equals NULL there. No keys: cross or non-equi.
 * `residual` over left ++ right. Output left ++ right (semi, anti: left). nullAware: NOT IN, as in LogicalJoin.
 */
export interface PhysicalJoin extends PhysicalProperties {
  readonly kind: 'Join';
  readonly type: JoinType;
  readonly left: PhysicalPlan;
  readonly right: PhysicalPlan;
  readonly leftKeys: readonly number[];
  readonly rightKeys: readonly number[];
  readonly nullSafe: readonly boolean[];
  readonly residual: Scalar | null;
  readonly nullAware: boolean;
  /** Bounds on columns of the left and of the right input: such rows can match nothing more, and nothing takes them back. */
  readonly clean?: { readonly left: StateBound | null; readonly right: StateBound | null };
  /** Maintained inner joins only: the sides lie in arrangements that other joins may use as well. */
  readonly arranged?: true;
}
/** One look-up on the way of a change through a delta join. Columns `from` are numbered over all inputs. */
export interface DeltaStep {
  /** Where is looked. */
  readonly input: number;
  /** Columns of that input, ascending, and the columns joined so far that they equal. */
  readonly keys: readonly number[];
  readonly from: readonly number[];
  readonly nullSafe: readonly boolean[];
  /** Which of the join's `tests` are made on what is found. */
  readonly tests: readonly number[];
}
/** A condition over chosen columns, which are numbered over all inputs. */
export interface DeltaCondition {
  readonly condition: Scalar;
  readonly columns: readonly number[];
}
/**
 * Inner join of several inputs without intermediate results: a change of input i takes `paths[i]` through arrangements of
 * the others. `tests` cannot fail; `residual`, the rest of the condition, is evaluated on complete rows, once for each.
 * `output`: columns, numbered over all inputs.
 */
export interface PhysicalDeltaJoin extends PhysicalProperties {
  readonly kind: 'DeltaJoin';
  readonly inputs: readonly PhysicalPlan[];
  readonly equalities: readonly {
    readonly left: number;
    readonly right: number;
    readonly nullSafe: boolean;
  }[];
  readonly paths: readonly (readonly DeltaStep[])[];
  readonly tests: readonly DeltaCondition[];
  readonly residual: DeltaCondition | null;
  readonly output: readonly number[];
}
/**
 * Each left row with the one right row of its key whose time is nearest on the wanted side: `operator` `>=` means
 * left.time >= right.time, and the latest such right row. Ties: the least by the right input's key, then by its remaining
 * columns (NULLs last). Retractable both sides. left: padded with NULLs when there is none. Output left ++ right.
 */
export interface PhysicalAsofJoin extends PhysicalProperties {
  readonly kind: 'AsofJoin';
  readonly type: 'inner' | 'left';
  readonly left: PhysicalPlan;
  readonly right: PhysicalPlan;
  readonly leftKeys: readonly number[];
  readonly rightKeys: readonly number[];
  readonly nullSafe: readonly boolean[];
  readonly leftTime: number;
  readonly rightTime: number;
  readonly operator: '<' | '<=' | '>' | '>=';
  /** A left row below its bound gets no other match; of right rows below theirs only the nearest of each key is needed. */
  readonly clean?: { readonly left: StateBound | null; readonly right: StateBound | null };
}
/**
 * FOR SYSTEM_TIME AS OF PROCTIME(): each left row with the right rows of its key at the tick in which it comes (right
 * changes of the same tick included). Later right changes emit nothing. Output left ++ right; `residual` over both.
 * Over a left input that is not append-only the rows joined with are remembered for its retraction.
 */
export interface PhysicalTemporalJoin extends PhysicalProperties {
  readonly kind: 'TemporalJoin';
  readonly type: 'inner' | 'left';
  readonly left: PhysicalPlan;
  readonly right: PhysicalPlan;
  readonly leftKeys: readonly number[];
  readonly rightKeys: readonly number[];
  readonly nullSafe: readonly boolean[];
  readonly residual: Scalar | null;
}
/**
 * Rows of `left` once the keys that they will be joined by have been looked up elsewhere: a row passes when its key is among the
 * rows of `right`, at once or when the key comes, and stays passed. Keys with NULL need no looking up.
 */
export interface PhysicalAwaitLookup extends PhysicalProperties {
  readonly kind: 'AwaitLookup';
  readonly left: PhysicalPlan;
  readonly right: PhysicalPlan;
  /** The relation whose rows are looked up. */
  readonly relation: RelationEntry;
  readonly leftKeys: readonly number[];
  readonly rightKeys: readonly number[];
}
/** One comparison with the moment: `expr operator moment`. */
export interface MomentComparison {
  /** Over the input. */
  readonly expr: Scalar;
  readonly operator: '<' | '<=' | '>' | '>=' | '=' | '<>';
  /** Non-decreasing over one column: the tick's time (timestamptz). Same type as `expr`. */
  readonly moment: Scalar;
  /** No row passes for which it is not true. */
  readonly conjunct?: boolean;
}
/**
 * Rows for which `condition` (over the input, with now() in it) is true at the tick's time; rows come and go as time
 * passes. now() occurs in `condition` only inside the comparisons listed.
 */
export interface PhysicalTemporalFilter extends PhysicalProperties {
  readonly kind: 'TemporalFilter';
  readonly input: PhysicalPlan;
  readonly condition: Scalar;
  readonly comparisons: readonly MomentComparison[];
}
/**
 * EMIT ON WINDOW CLOSE: keeps rows back until their `column` is below the term, and then gives them once and for all.
 * Rows with a NULL there are never given. `corrections`: changes of rows already given go out too (allowed lateness);
 * otherwise such rows are late: reported, and left out.
 */
export interface PhysicalClose extends PhysicalProperties {
  readonly kind: 'Close';
  readonly input: PhysicalPlan;
  readonly column: number;
  readonly term: WatermarkTerm;
  readonly corrections: boolean;
}
/** How the value of a window follows from the values of its panes (column `column` of the input); NULLs are left out. */
export interface PaneFold {
  readonly fold: 'sum' | 'min' | 'max' | 'and' | 'or' | 'xor';
  readonly column: number;
  /** Of the result; of sums: numeric. */
  readonly type: DataType;
}
/**
 * Grouping of final panes by hopping windows, on window close. The input has at most one row for each key and pane (`time`:
 * its start), and each before its first window closes. Output: keys ++ window_start, window_end ++ folds; once, when
 * window_start is below the term.
 */
export interface PhysicalSlidingPanes extends PhysicalProperties {
  readonly kind: 'SlidingPanes';
  readonly input: PhysicalPlan;
  readonly keys: readonly number[];
  readonly time: number;
  readonly slideMicros: bigint;
  /** A multiple of the slide. */
  readonly sizeMicros: bigint;
  readonly offsetMicros: bigint;
  readonly folds: readonly PaneFold[];
  readonly term: WatermarkTerm;
}
/**
 * EMIT EVERY / WITH DELAY: net changes are kept back and given together, at multiples of `micros` since the epoch
 * (every) or `micros` after the first of them (delay).
 */
export interface PhysicalPace extends PhysicalProperties {
  readonly kind: 'Pace';
  readonly input: PhysicalPlan;
  readonly mode: 'every' | 'delay';
  readonly micros: bigint;
}
/**
 * Time to live: a row is taken back when `ttlMicros` have passed since its last change (`column` null), or since the
 * time in its `column` (timestamp, timestamptz or date) by the term's watermark, or by the clock where there is none.
 * Retractions of rows that have expired are swallowed.
 */
export interface PhysicalExpire extends PhysicalProperties {
  readonly kind: 'Expire';
  readonly input: PhysicalPlan;
  readonly column: number | null;
  readonly ttlMicros: bigint;
  readonly term: WatermarkTerm | null;
}
/** Output: keys ++ aggregates. `global`: no GROUP BY, exactly one row. Grouping sets are expanded below by the planner. */
export interface PhysicalAggregate extends PhysicalProperties {
  readonly kind: 'Aggregate';
  readonly input: PhysicalPlan;
  readonly keys: readonly number[];
  readonly aggregates: readonly AggregateCall[];
  readonly global: boolean;
  /** On an output column: a key, or a max of a 64-bit column of all rows (without FILTER). */
  readonly clean?: StateBound;
}
export interface PhysicalDistinct extends PhysicalProperties {
  readonly kind: 'Distinct';
  readonly input: PhysicalPlan;
  readonly clean?: StateBound;
}
export interface PhysicalUnionAll extends PhysicalProperties {
  readonly kind: 'UnionAll';
  readonly inputs: readonly PhysicalPlan[];
}
export interface PhysicalSetOperation extends PhysicalProperties {
  readonly kind: 'SetOperation';
  readonly operator: 'intersect' | 'except';
  readonly all: boolean;
  readonly left: PhysicalPlan;
  readonly right: PhysicalPlan;
  readonly clean?: StateBound;
}
/** limit null: no bound (sort for an ad-hoc result). See LogicalTopN. */
export interface PhysicalTopN extends PhysicalProperties {
  readonly kind: 'TopN';
  readonly input: PhysicalPlan;
  readonly partition: readonly number[];
  readonly order: readonly SortKey[];
  readonly limit: number | null;
  readonly offset: number;
  readonly withTies: boolean;
  readonly rank: 'row_number' | 'rank' | null;
  /** On a partition column (of the input). */
  readonly clean?: StateBound;
  /** Ends recursions below when it has its rows (ad-hoc reads only). */
  readonly stops?: boolean;
}
export interface PhysicalWindow extends PhysicalProperties {
  readonly kind: 'Window';
  readonly input: PhysicalPlan;
  readonly partition: readonly number[];
  readonly order: readonly SortKey[];
  readonly calls: readonly WindowCall[];
  /** On a partition column (of the input): whole partitions go. */
  readonly clean?: StateBound;
  /** On the one ascending order column: no later change has a smaller value. What frames still need is kept. */
  readonly orderBound?: StateBound;
  /** A row goes out when its frame is complete, once and for all (EMIT ON WINDOW CLOSE); needs `orderBound`. */
  readonly final?: boolean;
}
export interface PhysicalMaxOneRow extends PhysicalProperties {
  readonly kind: 'MaxOneRow';
  readonly input: PhysicalPlan;
  readonly keys: readonly number[];
}

/** What a recursion reads besides its working table. `step` scans it as `relation`. */
export interface RecursionSource {
  readonly plan: PhysicalPlan;
  readonly relation: RelationEntry;
  /** Its rows keep rows of the step away (the right side of an anti join). */
  readonly negative: boolean;
}
/**
 * WITH RECURSIVE, as in LogicalRecursive. `step` is a plan of its own, over scans of `self` and of the sources' relations
 * only. linear: step(a + b) = step(a) + step(b) for the working table, and more rows of a source (fewer, of a negative
 * one) give more rows of the step.
 */
export interface PhysicalRecursive extends PhysicalProperties {
  readonly kind: 'Recursive';
  readonly name: string;
  readonly all: boolean;
  readonly base: PhysicalPlan;
  readonly sources: readonly RecursionSource[];
  readonly step: PhysicalPlan;
  readonly self: RelationEntry;
  readonly linear: boolean;
  /** Hands on the rows of each iteration at once, and ends when nobody wants more. */
  readonly streams?: boolean;
}

/**
 * Output: input ++ `exprs`, which are volatile: computed once for each copy of a row, and given again when it goes. Of
 * equal rows any copy may go. No state over append-only input.
 */
export interface PhysicalMaterializedExprs extends PhysicalProperties {
  readonly kind: 'MaterializedExprs';
  readonly input: PhysicalPlan;
  readonly exprs: readonly Scalar[];
  /** On a column of the input. */
  readonly clean?: StateBound;
}
/**
 * The changes of its input as rows that stay: input ++ changelog_op (int2: 1 insert, 2 delete, 3 and 4 the new and the
 * old row of an update) ++ a running number (int8). By the net changes of each tick; an update is a change of a row of
 * one key, the old row first.
 */
export interface PhysicalChangelog extends PhysicalProperties {
  readonly kind: 'Changelog';
  readonly input: PhysicalPlan;
}

export type PhysicalPlan =
  | PhysicalScan
  | PhysicalIndexScan
  | PhysicalValues
  | PhysicalCalc
  | PhysicalHop
  | PhysicalSession
  | PhysicalTableFunction
  | PhysicalJoin
  | PhysicalDeltaJoin
  | PhysicalAsofJoin
  | PhysicalTemporalJoin
  | PhysicalAwaitLookup
  | PhysicalTemporalFilter
  | PhysicalClose
  | PhysicalSlidingPanes
  | PhysicalPace
  | PhysicalExpire
  | PhysicalAggregate
  | PhysicalDistinct
  | PhysicalUnionAll
  | PhysicalSetOperation
  | PhysicalTopN
  | PhysicalWindow
  | PhysicalMaterializedExprs
  | PhysicalChangelog
  | PhysicalMaxOneRow
  | PhysicalRecursive;

/** A planned query: the plan plus what to do with its rows at the end of an ad-hoc read. */
export interface PlannedQuery {
  readonly plan: PhysicalPlan;
  /** Visible output columns: the plan's first `visible` columns; the rest are hidden sort or key columns. */
  readonly visible: number;
  /** Order of an ad-hoc result (columns of the plan); a maintained view keeps it as its scan order. */
  readonly order: readonly SortKey[];
  /** Types of $1, $2 ... */
  readonly parameters: readonly import('../../common/dataType.ts').DataType[];
}
