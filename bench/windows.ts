/**
 * Windows over event time, the engine alone: events a second through TUMBLE, HOP and SESSION, on update and on window
 * close, with state that is dropped behind the watermark.
 *
 * Run: node bench/windows.ts [--events N] [--keys N] [name part]
 */
import { parseArgs } from 'node:util';
import type { PhysicalPlan } from '../planner/plan/physical.ts';
import { markdownTable, megabytes, milliseconds, rate } from './support/statistics.ts';
import { type ChainFigures, runChain, SECOND } from './support/timedChain.ts';
import { bestOfWindows, panes, sessions, windows } from './support/windowChains.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { events: { type: 'string', default: '500000' }, keys: { type: 'string', default: '1000' } },
});

interface Measure {
  readonly name: string;
  readonly chain: () => readonly PhysicalPlan[];
}

const tumble = { slide: 10n * SECOND, size: 10n * SECOND };
const ratios = [1n, 10n, 60n];

const measures: readonly Measure[] = [
  { name: 'tumble 10 s, on update, state kept', chain: () => windows({ ...tumble, cleaned: false }) },
  { name: 'tumble 10 s, on update', chain: () => windows(tumble) },
  { name: 'tumble 10 s, on close', chain: () => windows({ ...tumble, closed: true }) },
  ...ratios.flatMap((ratio): Measure[] => {
    const hopping = { slide: SECOND, size: ratio * SECOND };
    return [
      { name: `hop 1 s of ${ratio} s, on update`, chain: () => windows(hopping) },
      { name: `hop 1 s of ${ratio} s, on update, panes`, chain: () => panes(hopping) },
      { name: `hop 1 s of ${ratio} s, on close`, chain: () => windows({ ...hopping, closed: true }) },
      { name: `hop 1 s of ${ratio} s, on close, panes`, chain: () => panes({ ...hopping, closed: true }) },
    ];
  }),
  { name: 'session gap 100 ms, on update', chain: () => sessions(SECOND / 10n) },
  { name: 'top 3 of tumble 10 s, on update', chain: () => bestOfWindows(10n * SECOND) },
];

function row(name: string, f: ChainFigures): readonly string[] {
  return [
    name,
    rate(f.eventsPerSecond),
    String(f.emitted),
    milliseconds(f.slowestTick),
    String(f.stateRows),
    megabytes(f.stateBytes),
  ];
}

const rows: (readonly string[])[] = [];
for (const { name, chain } of measures) {
  if (!name.includes(positionals[0] ?? '')) continue;
  const options = { events: Number(values.events), keys: Number(values.keys) };
  // The first run warms up.
  const runs = [runChain(chain(), options), runChain(chain(), options)];
  const best = runs.reduce((a, b) => (a.eventsPerSecond > b.eventsPerSecond ? a : b));
  rows.push(row(name, best));
  process.stderr.write(`${(rows.at(-1) ?? []).join('  ')}\n`);
}
const header = ['chain', 'events/s', 'rows out', 'slowest tick ms', 'most state rows', 'most bytes'];
process.stdout.write(
  `\nWindows, ${values.events} events of ${values.keys} keys, 10,000 a second of event time\n\n${markdownTable(header, rows)}\n`,
);
