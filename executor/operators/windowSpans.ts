/**
 * Which rows of a partition a tick's edits may give other results, by function: the rows of the spans are computed
 * again, all others keep what they have. A span may be too large, but never too small.
 */
import { must } from '../../common/assert.ts';
import type { Value } from '../../common/value.ts';
import type { FrameBounds, Span } from './windowBounds.ts';
import type { CallResults } from './windowPublished.ts';
import type { Edit } from './windowStore.ts';
import type { WindowView } from './windowView.ts';

/** What a tick did to one partition, seen by one call. */
export interface PartitionChange {
  readonly view: WindowView;
  /** In order. */
  readonly edits: readonly Edit[];
  /** Nothing of the partition has been given out: all rows are to be computed. */
  readonly full: boolean;
  readonly results: CallResults;
}

/** A position behind which rows are so many more than before. */
interface Shift {
  readonly at: number;
  readonly by: number;
}

/** Ordered, disjoint and not adjacent; within n rows. */
export function mergedSpans(spans: readonly Span[], n: number): Span[] {
  const ordered = spans
    .map(([from, to]): Span => [Math.max(0, from), Math.min(n, to)])
    .filter(([from, to]) => from < to)
    .sort((a, b) => a[0] - b[0]);
  const merged: Span[] = [];
  for (const [from, to] of ordered) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1]) merged[merged.length - 1] = [last[0], Math.max(last[1], to)];
    else merged.push([from, to]);
  }
  return merged;
}

/** The rows that came. */
export function insertedSpans(edits: readonly Edit[]): Span[] {
  return edits.filter((edit) => edit.inserted).map(({ at }): Span => [at, at + 1]);
}

/** All rows where nothing is known, else the given spans and the rows that came. */
export function spansOf(change: PartitionChange, spans: () => readonly Span[]): Span[] {
  const { n } = change.view;
  if (change.full) return mergedSpans([[0, n]], n);
  return mergedSpans([...spans(), ...insertedSpans(change.edits)], n);
}

/** The rows before which there are now more or fewer than there were. */
export function shiftedSpans(shifts: readonly Shift[], n: number): Span[] {
  const spans: Span[] = [];
  let net = 0;
  shifts.forEach(({ at, by }, i) => {
    net += by;
    if (net !== 0) spans.push([at, shifts[i + 1]?.at ?? n]);
  });
  return spans;
}

/** +1 or -1 for each row that came or went. */
export function rowShifts(edits: readonly Edit[], at: (edit: Edit) => number): Shift[] {
  return edits.map((edit) => ({ at: at(edit), by: edit.inserted ? 1 : -1 }));
}

/** Groups of peers that came or went, at the row behind them. */
export function groupShifts({ view, edits }: PartitionChange): Shift[] {
  const shifts: Shift[] = [];
  for (let i = 0; i < edits.length; ) {
    const { slot } = must(edits[i]);
    let change = 0;
    for (; i < edits.length; i++) {
      const edit = must(edits[i]);
      if (view.store.comparePeers(edit.slot, slot) !== 0) break;
      change += edit.inserted ? 1 : -1;
    }
    const to = view.peersTo(slot);
    const now = to - view.peersFrom(slot);
    const by = Math.sign(now) - Math.sign(now - change);
    if (by !== 0) shifts.push({ at: to, by });
  }
  return shifts;
}

/** Net number of rows that came. */
export function growth(edits: readonly Edit[]): number {
  return edits.reduce((sum, edit) => sum + (edit.inserted ? 1 : -1), 0);
}

/** The rows whose frames the edits may have changed. */
export function frameSpans(change: PartitionChange, bounds: FrameBounds): Span[] {
  return spansOf(change, () => change.edits.map((edit) => bounds.affected(edit)));
}

/**
 * Spans of a call with the same result for all rows: all of them, or only those that came when the others have that
 * result already.
 */
export function sharedSpans({ view, edits, full, results }: PartitionChange, value: Value): Span[] {
  const old = full ? -1 : oldRow(view, (slot) => results.isNew(slot));
  return old >= 0 && results.isSame(old, value)
    ? mergedSpans(insertedSpans(edits), view.n)
    : mergedSpans([[0, view.n]], view.n);
}

/** A row that is not new; -1: there is none. */
export function oldRow(view: WindowView, isNew: (slot: number) => boolean): number {
  const rows = view.reader();
  for (let i = 0; i < view.n; i++) {
    const slot = rows.slotAt(i);
    if (!isNew(slot)) return slot;
  }
  return -1;
}
