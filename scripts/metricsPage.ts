/** docs/metrics.md: how to watch a server, and every metric from its definition. */
import { metricSections } from '../server/metrics/all.ts';
import type { Metric } from '../server/metrics/metric.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|');

function metricTable(metrics: readonly Metric[]): string {
  const rows = metrics.map(({ name, kind, labels, help }) => {
    const shown = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${kind} | ${shown} | ${cell(help)} |`;
  });
  return ['| metric | kind | labels | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

const introduction = [
  '# Metrics',
  'The tables are written from their definitions by `scripts/writeReference.ts`.',
  '`GET /metrics` on the HTTP port answers in the text format of Prometheus. The values are those that the catalogs (`millrace_catalog.sources`, `sinks`, `memory` ...) show at that moment; a scrape takes no lock and waits for nothing. For Prometheus:',
  [
    '```yaml',
    'scrape_configs:',
    '  - job_name: millrace',
    '    static_configs:',
    "      - targets: ['127.0.0.1:5691']",
    '```',
  ].join('\n'),
  'Nobody signs in: the page has names of relations, connectors and partitions, counts, sizes and times, and neither rows nor options, so no secrets. `--host` says who can reach the port.',
  'Labels: `source`, `sink`, `lookup`, `view`, `table`, `relation` are names, with their schema unless it is `public`; `connector` is the connector; `partition` is a partition as `millrace_catalog.source_partitions` has it. States (`millrace_source_state`, `millrace_sink_state`) are 1 for the one that holds; the others are not there.',
  'Counters of sources, sinks and late rows are kept with the data and go on over restarts, as far as the last checkpoint and the journal say; those of ticks, commits, checkpoints, lookups and of the process begin anew. While the server starts, only `millrace_ready`, which is 0, and the metrics of the process are there.',
  'Worth an alert:',
  [
    '```yaml',
    '- alert: MillraceSourceStands',
    '  expr: millrace_source_state{state=~"failed|changed"} == 1',
    '- alert: MillraceSourceBehind',
    '  expr: sum by (source) (millrace_source_partition_lag_messages) > 100000',
    '- alert: MillraceDeadLetters',
    '  expr: rate(millrace_source_bad_records_total[5m]) > 0',
    '- alert: MillraceSinkBehind',
    '  expr: millrace_sink_lag_seconds > 60 or millrace_sink_failed_attempts > 5',
    '- alert: MillraceViewPaused',
    '  expr: millrace_view_paused == 1',
    '- alert: MillraceCheckpointsFail',
    '  expr: increase(millrace_checkpoints_total{outcome="failed"}[10m]) > 0',
    '- alert: PostgresKeepsLog',
    '  expr: millrace_cdc_retained_bytes > 1e10',
    '- alert: MillraceSlowTicks',
    '  expr: histogram_quantile(0.99, rate(millrace_tick_duration_seconds_bucket[5m])) > 0.25',
    '```',
  ].join('\n'),
];

export function metricsPage(): string {
  const sections = metricSections.map(([title, metrics]) => `## ${title}\n\n${metricTable(metrics)}`);
  return `${[...introduction, ...sections].join('\n\n')}\n`;
}
