/**
 * Nexmark in process: events a second, state and tick times per query, one core, the engine alone.
 *
 * Run: node bench/nexmark.ts [--events N] [--tick N] [--runs N] [--json] [QUERY...]
 *
 * Events of all three types are counted, batches are made beforehand, the result is a materialised view. Each query runs
 * in a process of its own, on fresh databases; the run with the median rate is shown.
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { type EngineFigures, runEngine } from './support/engineRun.ts';
import { nexmarkTicks } from './support/nexmarkEvents.ts';
import { allQueryNames, floors, viewStatement } from './support/nexmarkQueries.ts';
import { markdownTable, megabytes, milliseconds, rate } from './support/statistics.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    events: { type: 'string', default: '1000000' },
    tick: { type: 'string', default: '2048' },
    runs: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    /** Measures here instead of in a process of its own, for profilers. */
    inside: { type: 'boolean', default: false },
  },
});

async function measure(name: string): Promise<EngineFigures> {
  const ticks = nexmarkTicks(Number(values.events), Number(values.tick));
  const runs: EngineFigures[] = [];
  for (let i = 0; i < Number(values.runs); i++) {
    runs.push(await runEngine(viewStatement(name), name, ticks));
    globalThis.gc?.();
  }
  runs.sort((a, b) => a.eventsPerSecond - b.eventsPerSecond);
  const median = runs[Math.floor(runs.length / 2)];
  if (median === undefined) throw new TypeError('at least one run');
  return median;
}

function measureApart(name: string): EngineFigures | null {
  const { events, tick, runs } = values;
  const flags = ['--expose-gc', '--max-old-space-size=6000', import.meta.filename, '--inside', '--json'];
  const given = ['--events', events, '--tick', tick, '--runs', runs, name];
  const child = spawnSync(process.execPath, [...flags, ...given], { stdio: ['ignore', 'pipe', 'inherit'] });
  return child.status === 0 ? (JSON.parse(child.stdout.toString()) as EngineFigures) : null;
}

function row(name: string, f: EngineFigures): readonly string[] {
  const floor = floors.get(name);
  const verdict = floor === undefined ? '' : `${rate(floor)}${f.eventsPerSecond >= floor ? '' : ' MISSED'}`;
  return [
    name,
    rate(f.eventsPerSecond),
    rate(f.eventsPerCpuSecond),
    verdict,
    milliseconds(f.tickP50),
    milliseconds(f.tickP99),
    milliseconds(f.tickMax),
    String(f.viewRows),
    megabytes(f.viewBytes),
    String(f.stateRows),
    megabytes(f.stateBytes),
  ];
}

const names = positionals.length > 0 ? positionals : allQueryNames();
if (values.json && values.inside) {
  for (const name of names) process.stdout.write(`${JSON.stringify(await measure(name))}\n`);
} else {
  const rows: (readonly string[])[] = [];
  for (const name of names) {
    const figures = values.inside ? await measure(name) : measureApart(name);
    if (figures === null) process.exitCode = 1;
    rows.push(figures === null ? [name, 'failed'] : row(name, figures));
    process.stderr.write(`${(rows.at(-1) ?? []).join('  ')}\n`);
  }
  const header = ['query', 'events/s', 'per CPU s', 'floor', 'tick p50 ms', 'p99 ms', 'max ms'];
  process.stdout.write(
    `\nNexmark in process, ${values.events} events, ticks of ${values.tick}, one core\n\n${markdownTable(
      [...header, 'view rows', 'view bytes', 'state rows', 'state bytes'],
      rows,
    )}\n`,
  );
}
