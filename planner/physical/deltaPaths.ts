/**
 * The paths of a delta join: for each input, in which order and by which keys its changes look the other inputs up.
 *
 * Greedy: next comes an input that is linked to those joined so far; first one of which at most one row matches, then one
 * whose arrangement by that key is needed anyway, then the one with fewest rows. Equalities that follow from others are
 * used too (a = b and b = c link a and c). A step looks up by everything that is known of its input's columns, so no
 * equality is left to be tested.
 */
import { must } from '../../common/assert.ts';
import type { DeltaCondition, DeltaStep, PhysicalPlan } from '../plan/physical.ts';

/** Columns are numbered over all inputs. */
export interface Equality {
  readonly left: number;
  readonly right: number;
  readonly nullSafe: boolean;
}

export interface JoinGraph {
  readonly inputs: readonly PhysicalPlan[];
  /** First column of each input. */
  readonly offsets: readonly number[];
  readonly equalities: readonly Equality[];
  readonly tests: readonly DeltaCondition[];
}

/** Columns (of the input) that an input is looked up by. */
export interface InputKey {
  readonly input: number;
  readonly columns: readonly number[];
  readonly nullSafe: readonly boolean[];
}

export interface Paths {
  readonly steps: readonly (readonly DeltaStep[])[];
  /** Every key once. */
  readonly keys: readonly InputKey[];
}

/** The input that a column belongs to. */
const inputOf = (graph: JoinGraph, column: number): number =>
  graph.offsets.findLastIndex((offset) => offset <= column);

/** Null where some input is linked to the others by no equality, or an equality is between columns of one input. */
export function pathsOf(graph: JoinGraph): Paths | null {
  const classes = equalColumns(graph);
  const isWithin = (columns: readonly number[]): boolean =>
    new Set(columns.map((c) => inputOf(graph, c))).size < columns.length;
  const nullSafe = graph.equalities.filter((e) => e.nullSafe);
  if (classes.some(isWithin) || nullSafe.some((e) => isWithin([e.left, e.right]))) return null;
  const keys: InputKey[] = [];
  const steps: (readonly DeltaStep[])[] = [];
  for (const start of graph.inputs.keys()) {
    const path = pathFrom(start, graph, classes, keys);
    if (path === null) return null;
    steps.push(path);
  }
  return { steps, keys };
}

/** Classes of columns that strict equalities make equal. */
function equalColumns(graph: JoinGraph): readonly (readonly number[])[] {
  let classes: (readonly number[])[] = [];
  for (const { left, right, nullSafe } of graph.equalities) {
    if (nullSafe) continue;
    const touched = classes.filter((c) => c.includes(left) || c.includes(right));
    const merged = [...new Set([...touched.flat(), left, right])].sort((a, b) => a - b);
    classes = [...classes.filter((c) => !touched.includes(c)), merged];
  }
  return classes;
}

type Candidate = Omit<DeltaStep, 'tests'>;

function pathFrom(
  start: number,
  graph: JoinGraph,
  classes: readonly (readonly number[])[],
  keys: InputKey[],
): readonly DeltaStep[] | null {
  const joined = new Set([start]);
  const tested = new Set<number>();
  const path: DeltaStep[] = [];
  while (joined.size < graph.inputs.length) {
    const candidates = [...graph.inputs.keys()]
      .filter((i) => !joined.has(i))
      .map((i) => lookUp(i, joined, graph, classes))
      .filter((c) => c.keys.length > 0);
    const [first, ...more] = candidates;
    if (first === undefined) return null;
    const best = more.reduce((a, b) => (isBetter(b, a, graph, keys) ? b : a), first);
    joined.add(best.input);
    if (!isKnown(best, keys)) keys.push({ input: best.input, columns: best.keys, nullSafe: best.nullSafe });
    const tests = [...graph.tests.keys()].filter(
      (t) => !tested.has(t) && must(graph.tests[t]).columns.every((c) => joined.has(inputOf(graph, c))),
    );
    for (const t of tests) tested.add(t);
    path.push({ ...best, tests });
  }
  return path;
}

/** How input i is looked up, given those joined. */
function lookUp(
  i: number,
  joined: ReadonlySet<number>,
  graph: JoinGraph,
  classes: readonly (readonly number[])[],
): Candidate {
  const found: { readonly key: number; readonly from: number; readonly nullSafe: boolean }[] = [];
  const offset = must(graph.offsets[i]);
  for (const members of classes) {
    const own = members.find((c) => inputOf(graph, c) === i);
    const from = members.find((c) => joined.has(inputOf(graph, c)));
    if (own !== undefined && from !== undefined) found.push({ key: own - offset, from, nullSafe: false });
  }
  for (const { left, right, nullSafe } of graph.equalities) {
    if (!nullSafe) continue;
    for (const [own, from] of [
      [left, right],
      [right, left],
    ] as const) {
      if (inputOf(graph, own) === i && joined.has(inputOf(graph, from))) {
        found.push({ key: own - offset, from, nullSafe: true });
      }
    }
  }
  found.sort((a, b) => a.key - b.key);
  return {
    input: i,
    keys: found.map((f) => f.key),
    from: found.map((f) => f.from),
    nullSafe: found.map((f) => f.nullSafe),
  };
}

const isKnown = (step: Candidate, keys: readonly InputKey[]): boolean =>
  keys.some(
    (key) =>
      key.input === step.input &&
      key.columns.join() === step.keys.join() &&
      key.nullSafe.join() === step.nullSafe.join(),
  );

function isBetter(a: Candidate, b: Candidate, graph: JoinGraph, keys: readonly InputKey[]): boolean {
  const rank = (step: Candidate): readonly number[] => {
    const input = must(graph.inputs[step.input]);
    const isUnique = input.key?.every((c) => step.keys.includes(c)) === true;
    return [isUnique ? 0 : 1, isKnown(step, keys) ? 0 : 1, input.estimatedRows];
  };
  const [x, y] = [rank(a), rank(b)];
  const differing = x.findIndex((value, k) => value !== y[k]);
  return differing >= 0 && must(x[differing]) < must(y[differing]);
}
