/** Functions of a row's place: row_number, rank, dense_rank, percent_rank, cume_dist, ntile. */
import { must } from '../../common/assert.ts';
import type { Value } from '../../common/value.ts';
import type { WindowCall } from '../../planner/plan/aggregateCall.ts';
import type { Span } from './windowBounds.ts';
import { ntile } from './windowCalls.ts';
import {
  groupShifts,
  growth,
  mergedSpans,
  type PartitionChange,
  rowShifts,
  shiftedSpans,
  spansOf,
} from './windowSpans.ts';
import { columnReader, PeerReader } from './windowView.ts';

/** Gives the rows of the spans their results. */
function setEach(
  { view, results }: PartitionChange,
  spans: readonly Span[],
  value: (i: number) => Value,
): void {
  const rows = view.reader();
  for (const [from, to] of spans) for (let i = from; i < to; i++) results.set(rows.slotAt(i), value(i));
}

export function rowNumber(change: PartitionChange): void {
  const { view, edits } = change;
  const spans = spansOf(change, () =>
    shiftedSpans(
      rowShifts(edits, ({ at }) => at),
      view.n,
    ),
  );
  setEach(change, spans, (i) => BigInt(i + 1));
}

export function rank(change: PartitionChange): void {
  const { view, edits } = change;
  const behind = rowShifts(edits, ({ slot }) => view.peersTo(slot));
  const peers = new PeerReader(view);
  setEach(
    change,
    spansOf(change, () => shiftedSpans(behind, view.n)),
    (i) => BigInt(peers.find(i).from + 1),
  );
}

/** The row before has its rank: kept, or computed just now. */
export function denseRank(change: PartitionChange): void {
  const { view, results } = change;
  const { comparePeers } = view.store;
  const rows = view.reader();
  for (const [from, to] of spansOf(change, () => shiftedSpans(groupShifts(change), view.n))) {
    let before = from === 0 ? -1 : rows.slotAt(from - 1);
    let rankOf = before < 0 ? 0n : (results.stored(before) as bigint);
    for (let i = from; i < to; i++) {
      const slot = rows.slotAt(i);
      if (before < 0 || comparePeers(before, slot) !== 0) rankOf++;
      results.set(slot, rankOf);
      before = slot;
    }
  }
}

export function percentRank(change: PartitionChange): void {
  const { view, edits } = change;
  const peers = new PeerReader(view);
  const spans = spansOf(change, () =>
    growth(edits) !== 0
      ? [[0, view.n]]
      : shiftedSpans(
          rowShifts(edits, ({ slot }) => view.peersTo(slot)),
          view.n,
        ),
  );
  setEach(change, spans, (i) => (view.n === 1 ? 0 : peers.find(i).from / (view.n - 1)));
}

export function cumeDist(change: PartitionChange): void {
  const { view, edits } = change;
  const peers = new PeerReader(view);
  const spans = spansOf(change, () =>
    growth(edits) !== 0
      ? [[0, view.n]]
      : shiftedSpans(
          rowShifts(edits, ({ slot }) => view.peersFrom(slot)),
          view.n,
        ),
  );
  setEach(change, spans, (i) => peers.find(i).to / view.n);
}

/** First rows of the buckets after the first. */
function bucketStarts(buckets: number, n: number): number[] {
  const size = Math.floor(n / buckets);
  const larger = n % buckets;
  const starts: number[] = [];
  for (let b = 1; b < Math.min(buckets, n); b++) starts.push(b * size + Math.min(b, larger));
  return starts;
}

/** Where rows have moved over a bucket's start, as both have moved; without edits in between they moved together. */
function bucketSpans({ view, edits }: PartitionChange, buckets: number): Span[] {
  const { n } = view;
  const old = n - growth(edits);
  if (Math.min(buckets, Math.max(n, old)) * (edits.length + 1) > n) return [[0, n]];
  const spans: Span[] = [];
  const was = bucketStarts(buckets, old);
  const is = bucketStarts(buckets, n);
  let moved = 0;
  for (let e = 0; e <= edits.length; e++) {
    const from = e === 0 ? 0 : must(edits[e - 1]).at;
    const to = edits[e]?.at ?? n;
    for (let b = 0; b < Math.max(was.length, is.length); b++) {
      const before = (was[b] ?? old) + moved;
      const after = is[b] ?? n;
      const low = Math.max(from, Math.min(before, after));
      const high = Math.min(to, Math.max(before, after));
      if (low < high) spans.push([low, high]);
    }
    moved += edits[e]?.inserted === true ? 1 : edits[e] === undefined ? 0 : -1;
  }
  return mergedSpans(spans, n);
}

/** The number of buckets is the argument at the partition's first row. */
export function ntileOf(call: WindowCall): (change: PartitionChange) => void {
  return (change) => {
    const { view, edits } = change;
    const argument = columnReader(view.store, call.args[0])(view.reader().slotAt(0));
    const firstChanged = edits.some(({ at }) => at === 0);
    const spans = spansOf(change, () =>
      firstChanged ? [[0, view.n]] : argument === null ? [] : bucketSpans(change, Number(argument)),
    );
    setEach(change, spans, (i) => ntile(argument, i, view.n));
  };
}
