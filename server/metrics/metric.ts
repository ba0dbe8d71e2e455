/**
 * Metrics as data, and their text (Prometheus exposition format 0.0.4). A metric is declared once with its name, kind and labels; what
 * a scrape shows is read from the database at that moment, so nothing has to be kept in step.
 */
import type { Histogram } from './histogram.ts';

export interface Metric {
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

export interface Sample {
  /** In the order of the metric's labels. */
  readonly labels: readonly string[];
  readonly value: number | bigint | Histogram;
}

/** A metric with what reads it. */
export interface Collected<Source> extends Metric {
  readonly read: (source: Source) => Iterable<Sample>;
}

/** A value without labels. */
export function only(value: Sample['value'] | null): readonly Sample[] {
  return value === null ? [] : [{ labels: [], value }];
}

/** 1 for the value that holds. */
export function stateOf(labels: readonly string[]): Sample {
  return { labels, value: 1 };
}

const escaped = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

function numberText(value: number | bigint): string {
  if (typeof value === 'bigint' || Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

function labelText(names: readonly string[], values: readonly string[]): string {
  if (names.length === 0) return '';
  return `{${names.map((name, i) => `${name}="${escaped(values[i] ?? '')}"`).join(',')}}`;
}

function* histogramLines({ name, labels }: Metric, values: readonly string[], histogram: Histogram) {
  const names = [...labels, 'le'];
  const counts = histogram.cumulative();
  for (const [b, bound] of histogram.bounds.entries()) {
    yield `${name}_bucket${labelText(names, [...values, String(bound)])} ${counts[b] ?? 0}`;
  }
  yield `${name}_bucket${labelText(names, [...values, '+Inf'])} ${histogram.count}`;
  yield `${name}_sum${labelText(labels, values)} ${numberText(histogram.sum)}`;
  yield `${name}_count${labelText(labels, values)} ${histogram.count}`;
}

function* linesOf<Source>(metric: Collected<Source>, source: Source): Generator<string> {
  const { name, kind, labels, help } = metric;
  let isFirst = true;
  for (const sample of metric.read(source)) {
    if (isFirst) {
      yield `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`;
      yield `# TYPE ${name} ${kind}`;
      isFirst = false;
    }
    const { value } = sample;
    if (typeof value === 'object') yield* histogramLines(metric, sample.labels, value);
    else yield `${name}${labelText(labels, sample.labels)} ${numberText(value)}`;
  }
}

/** All of them as text; metrics without samples are left out. */
export function exposition<Source>(metrics: readonly Collected<Source>[], source: Source): string {
  const lines: string[] = [];
  for (const metric of metrics) for (const line of linesOf(metric, source)) lines.push(line);
  return `${lines.join('\n')}\n`;
}
