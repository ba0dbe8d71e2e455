/** GET /metrics: it is Prometheus' format, its values follow what happens, its page describes it, load does not disturb it. */
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { metricsPage } from '../../../scripts/metricsPage.ts';
import { metricSections } from '../../../server/metrics/all.ts';
import { MetricsEndpoint } from '../../../server/metrics/endpoint.ts';
import { Histogram } from '../../../server/metrics/histogram.ts';
import { exposition, only } from '../../../server/metrics/metric.ts';
import { createDatabase, localSession } from '../../../server/serve.ts';
import { type InProcessServer, root, startInProcess } from '../../harness/server.ts';
import { temporaryDirectory } from '../journal/support.ts';
import { parse, type Scrape, scrape } from './scrape.ts';

const all = metricSections.flatMap(([, metrics]) => metrics);

describe('the declared metrics', () => {
  it('are named by the conventions', () => {
    for (const { name, kind, labels, help } of all) {
      expect(name).toMatch(/^(millrace|process|nodejs)_[a-z][a-z0-9_]*$/);
      expect(name.endsWith('_total'), name).toBe(kind === 'counter');
      expect(name, name).not.toMatch(/_(ms|millis|micros|kb|mb|milliseconds)(_|$)/);
      for (const label of labels) expect(label).toMatch(/^[a-z_]+$/);
      expect(help).toMatch(/\.$/);
    }
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  });

  it('are all on docs/metrics.md (scripts/writeReference.ts writes it)', () => {
    expect(readFileSync(join(root, 'docs/metrics.md'), 'utf8')).toBe(metricsPage());
  });
});

describe('the text', () => {
  it('escapes labels and writes histograms cumulatively', () => {
    const histogram = new Histogram([0.1, 1]);
    for (const value of [0.05, 0.1, 0.5, 7]) histogram.observe(value);
    const text = exposition(
      [
        {
          name: 'a_total',
          kind: 'counter',
          labels: ['l'],
          help: 'One\ntwo.',
          read: () => [{ labels: ['x"\\\n'], value: 12n }],
        },
        { name: 'h', kind: 'histogram', labels: [], help: 'H.', read: () => only(histogram) },
        { name: 'none', kind: 'gauge', labels: [], help: 'N.', read: () => only(null) },
      ],
      null,
    );
    expect(text).toBe(
      [
        '# HELP a_total One\\ntwo.',
        '# TYPE a_total counter',
        'a_total{l="x\\"\\\\\\n"} 12',
        '# HELP h H.',
        '# TYPE h histogram',
        'h_bucket{le="0.1"} 2',
        'h_bucket{le="1"} 3',
        'h_bucket{le="+Inf"} 4',
        'h_sum 7.65',
        'h_count 4',
        '',
      ].join('\n'),
    );
    expect(parse(text).value('a_total', { l: 'x"\\\n' })).toBe(12);
  });
});

describe('a server', () => {
  const directory = temporaryDirectory('metrics');
  const input = join(directory.path, 'input');
  let server: InProcessServer;
  const http = (): string => `http://127.0.0.1:${server.httpPort}`;
  const run = (sql: string): Promise<unknown> => localSession(server.database).run(sql);
  const start = async (): Promise<void> => {
    server = await startInProcess(join(directory.path, 'data'));
  };

  /** Scrapes until it holds. */
  async function until(holds: (scrape: Scrape) => boolean): Promise<Scrape> {
    for (let tries = 0; tries < 500; tries++) {
      const seen = await scrape(http());
      if (holds(seen)) return seen;
      await sleep(20);
    }
    return await scrape(http());
  }

  beforeAll(async () => {
    mkdirSync(input);
    await start();
  });
  afterAll(async () => {
    await server.close();
    directory.remove();
  });

  it('counts commits, ticks, rows of relations and what views cannot compute', async () => {
    await run('CREATE TABLE t (id int PRIMARY KEY, v int)');
    await run('CREATE MATERIALIZED VIEW shares AS SELECT id, 100 / v AS share FROM t');
    const before = await scrape(http());
    for (let i = 0; i < 5; i++) await run(`INSERT INTO t VALUES (${i}, ${i % 2})`);
    const after = await scrape(http());
    const grown = (name: string): number => (after.value(name) ?? 0) - (before.value(name) ?? 0);
    expect(grown('millrace_commit_duration_seconds_count')).toBe(5);
    expect(grown('millrace_tick_duration_seconds_count')).toBe(5);
    expect(grown('millrace_version')).toBe(5);
    expect(after.value('millrace_relation_rows', { relation: 't', kind: 'table' })).toBe(5);
    expect(after.value('millrace_table_commits_total', { table: 't' })).toBe(5);
    expect(after.value('millrace_view_row_errors', { view: 'shares' })).toBe(3);
    expect(after.value('millrace_view_paused', { view: 'shares' })).toBe(0);
    expect(after.value('millrace_state_bytes', { relation: 't', place: 'memory' })).toBeGreaterThan(0);
    expect(grown('millrace_journal_position')).toBe(5);
    expect(grown('millrace_journal_written_bytes_total')).toBeGreaterThan(50);
    expect(after.value('millrace_ready')).toBe(1);
    expect(after.kinds.get('process_cpu_seconds_total')).toBe('counter');
  });

  it('counts what a source brings, cannot use, and has late', async () => {
    await run(
      `CREATE SOURCE events (id int, at timestamp, WATERMARK FOR at AS at)
       WITH (connector = 'posix_fs', posix_fs.root = '${input}') FORMAT PLAIN ENCODE JSON`,
    );
    await run('CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM events');
    const event = (id: number, hour: number): string =>
      `{"id": ${id}, "at": "2024-01-01 ${String(hour).padStart(2, '0')}:00:00", "more": 1}\n`;
    appendFileSync(join(input, 'a'), event(1, 5) + event(2, 6));
    await until((s) => s.value('millrace_source_rows_total', { source: 'events' }) === 2);
    appendFileSync(join(input, 'a'), `${event(3, 1)}not json\n${event(4, 7)}`);
    const seen = await until((s) => s.value('millrace_source_rows_total', { source: 'events' }) === 4);
    const of = { source: 'events' };
    expect(seen.value('millrace_source_state', of)).toBe(1);
    expect(seen.value('millrace_source_state', { ...of, state: 'running', connector: 'posix_fs' })).toBe(1);
    expect(seen.value('millrace_source_bad_records_total', of)).toBe(1);
    expect(seen.value('millrace_source_dead_letters', of)).toBe(1);
    expect(seen.value('millrace_source_drift_total', { ...of, kind: 'unknown_field' })).toBe(4);
    expect(seen.value('millrace_source_partition_rows_total', of)).toBe(4);
    expect(seen.value('millrace_source_partition_late_rows_total', of)).toBe(1);
    expect(seen.value('millrace_source_watermark_lag_seconds', of)).toBeGreaterThan(86_400);
    await run('ALTER SOURCE events PAUSE');
    const paused = await scrape(http());
    expect(paused.value('millrace_source_state', { ...of, state: 'paused' })).toBe(1);
    expect(paused.value('millrace_source_state', { ...of, state: 'running' })).toBeUndefined();
  });

  it('shows sinks, checkpoints, and the same counters of sources after a restart', async () => {
    const target = join(directory.path, 'target');
    await run(
      `CREATE SINK copied FROM t WITH (connector = 'file', path = '${target}') FORMAT UPSERT ENCODE JSON`,
    );
    const of = { sink: 'copied', connector: 'file' };
    const delivered = await until((s) => s.value('millrace_sink_delivered_rows_total', of) === 5);
    expect(delivered.value('millrace_sink_backlog_rows', of)).toBe(0);
    expect(delivered.value('millrace_sink_lag_seconds', of)).toBe(0);
    expect(delivered.value('millrace_sink_state', of)).toBe(1);
    expect(delivered.value('millrace_sink_failed_attempts', of)).toBe(0);
    await run('CHECKPOINT');
    const checked = await scrape(http());
    expect(checked.value('millrace_checkpoints_total', { outcome: 'done' })).toBeGreaterThan(0);
    expect(checked.value('millrace_checkpoints_total', { outcome: 'failed' })).toBe(0);
    expect(checked.value('millrace_checkpoint_bytes')).toBeGreaterThan(0);
    expect(checked.value('millrace_checkpoint_timestamp_seconds')).toBeGreaterThan(1.6e9);
    await server.close();
    await start();
    const again = await scrape(http());
    expect(again.value('millrace_source_rows_total', { source: 'events' })).toBe(4);
    expect(again.value('millrace_source_bad_records_total', { source: 'events' })).toBe(1);
    expect(again.value('millrace_sink_delivered_rows_total', of)).toBe(5);
    expect(again.value('millrace_relation_rows', { relation: 't' })).toBe(5);
    expect(again.value('millrace_recovery_duration_seconds')).toBeGreaterThanOrEqual(0);
  });

  it('answers under load, with counters that only rise', async () => {
    const load = (async () => {
      for (let i = 0; i < 300; i++) await run(`INSERT INTO t VALUES (${100 + i}, 1)`);
    })();
    const counts: number[] = [];
    for (let i = 0; i < 20; i++) {
      const seen = await scrape(http());
      counts.push(seen.value('millrace_commit_duration_seconds_count') ?? -1);
      const rows = seen.value('millrace_relation_rows', { relation: 't' }) ?? 0;
      const view = seen.value('millrace_relation_rows', { relation: 'shares' }) ?? 0;
      const errors = seen.value('millrace_view_row_errors', { view: 'shares' }) ?? 0;
      // One moment: a view is as its table.
      expect(view + errors).toBe(rows);
    }
    await load;
    expect([...counts].sort((a, b) => a - b)).toEqual(counts);
    expect((await scrape(http())).value('millrace_relation_rows', { relation: 't' })).toBe(305);
  });

  it('has no secret, and every metric that needs no other server', async () => {
    await run("CREATE TABLE hooked (id int) WITH (connector = 'webhook', token = 'sesame')");
    await run('CHECKPOINT');
    const text = await (await fetch(`${http()}/metrics`)).text();
    expect(text).not.toContain('sesame');
    const { kinds } = parse(text);
    const elsewhere =
      /^millrace_(cdc|lookup)_|_partition_lag_messages$|_source_(bytes|rows_forgotten)_total$/;
    const sometimes = ['millrace_view_late_rows_total'];
    const missing = all.filter(({ name }) => !kinds.has(name) && !elsewhere.test(name));
    expect(missing.map(({ name }) => name)).toEqual(sometimes);
  });

  it('refuses what is not a GET of this path', async () => {
    expect((await fetch(`${http()}/metrics`, { method: 'POST' })).status).toBe(405);
    expect((await fetch(`${http()}/metricsx`)).status).toBe(404);
    expect((await fetch(`${http()}/metrics?x=1`)).status).toBe(200);
    expect(await (await fetch(`${http()}/metrics`, { method: 'HEAD' })).text()).toBe('');
  });

  it('says only that it starts, while it starts', () => {
    const database = createDatabase();
    const endpoint = new MetricsEndpoint(
      database,
      () => false,
      () => {},
    );
    const { kinds, value } = parse(endpoint.text());
    expect(value('millrace_ready')).toBe(0);
    expect([...kinds.keys()].filter((name) => name.startsWith('millrace_'))).toEqual(['millrace_ready']);
    endpoint.close();
    database.close();
  });
});
