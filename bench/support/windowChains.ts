/** The chains of operators that `windows` and `plateau` measure. */
import { types } from '../../common/dataType.ts';
import type { PhysicalPlan } from '../../planner/plan/physical.ts';
import { AT, call, close, events, group, hop, SECOND, sliding, source, timeTerm } from './timedChain.ts';

/** Keys of the events. */
const KEY = 0;
const PRICE = 2;
/** Of a hop over events. */
const WINDOW_START = 3;

/** The watermark of window_start. */
function startTerm(slide: bigint, size: bigint) {
  return timeTerm(size, slide);
}

export interface WindowOptions {
  readonly slide: bigint;
  readonly size: bigint;
  /** Groups are dropped when their window has passed. */
  readonly cleaned?: boolean;
  /** Results are given once, when their window has passed. */
  readonly closed?: boolean;
}

/** count and sum by key and window, each event in each of its windows. */
export function windows({
  slide,
  size,
  cleaned = true,
  closed = false,
}: WindowOptions): readonly PhysicalPlan[] {
  const term = startTerm(slide, size);
  const expanded = hop(source(), AT, slide, size);
  const grouped = group(
    expanded,
    [KEY, WINDOW_START],
    [call('count', null, types.int8), call('sum', PRICE, types.numeric)],
    cleaned ? { column: 1, term } : null,
  );
  return closed ? [expanded, grouped, close(grouped, 1, term)] : [expanded, grouped];
}

/** The same by panes: events are grouped once, by slide, and their groups are combined. */
export function panes({ slide, size, closed = false }: WindowOptions): readonly PhysicalPlan[] {
  const paneTerm = startTerm(slide, slide);
  const pane = hop(source(), AT, slide, slide);
  const counted = group(
    pane,
    [KEY, WINDOW_START],
    [call('count', null, types.int8), call('sum', PRICE, types.numeric)],
    { column: 1, term: paneTerm },
  );
  const below = closed ? [pane, counted, close(counted, 1, paneTerm)] : [pane, counted];
  const input = below[below.length - 1] ?? counted;
  const term = startTerm(slide, size);
  if (closed) return [...below, sliding(input, { slide, size }, term)];
  const expanded = hop(input, 1, slide, size);
  const calls = [call('sum', 2, types.numeric), call('sum', 3, types.numeric, 'numeric')];
  return [...below, expanded, group(expanded, [0, 4], calls, { column: 1, term })];
}

/** Sessions by key: each event with its session, as the session functions begin. */
export function sessions(gap: bigint, cleaned = true): readonly PhysicalPlan[] {
  const input = source();
  const term = timeTerm(0n, 0n);
  const session: PhysicalPlan = {
    kind: 'Session',
    input,
    partition: [KEY],
    time: AT,
    gapMicros: gap,
    schema: [...events, { name: 'session', type: types.int8, nullable: true }],
    appendOnly: false,
    key: null,
    estimatedRows: 1,
    ...(cleaned ? { clean: { column: AT, term } } : {}),
  };
  const grouped = group(
    session,
    [KEY, 3],
    [call('count', null, types.int8), call('max', AT, types.timestamp, 'timestamp')],
    cleaned ? { column: 3, term: timeTerm(gap, 0n) } : null,
  );
  return [session, grouped];
}

/** Events of one key within a second of each other, from both sides; the same events come on both. */
export function intervalJoin(cleaned = true): readonly PhysicalPlan[] {
  const input = source();
  const bound = { column: AT, term: timeTerm(SECOND, 0n) };
  return [
    {
      kind: 'Join',
      type: 'inner',
      left: input,
      right: input,
      leftKeys: [KEY, PRICE],
      rightKeys: [KEY, PRICE],
      nullSafe: [false, false],
      residual: null,
      nullAware: false,
      schema: [...events, ...events],
      appendOnly: true,
      key: null,
      estimatedRows: 1,
      ...(cleaned ? { clean: { left: bound, right: bound } } : {}),
    },
  ];
}

/** The three best prices of each key and window. */
export function bestOfWindows(size: bigint, cleaned = true): readonly PhysicalPlan[] {
  const expanded = hop(source(), AT, size, size);
  const top: PhysicalPlan = {
    kind: 'TopN',
    input: expanded,
    partition: [KEY, WINDOW_START],
    order: [{ column: PRICE, descending: true, nullsFirst: true }],
    limit: 3,
    offset: 0,
    withTies: false,
    rank: null,
    schema: expanded.schema,
    appendOnly: false,
    key: null,
    estimatedRows: 1,
    ...(cleaned ? { clean: { column: WINDOW_START, term: startTerm(size, size) } } : {}),
  };
  return [expanded, top];
}
