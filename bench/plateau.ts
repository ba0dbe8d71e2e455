/**
 * State behind a watermark stays level: rows and bytes of state and memory of the process after so many events, and after
 * ten times as many. Each run is a process of its own.
 *
 * Run: node bench/plateau.ts [--events N] [--keys N]
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import type { PhysicalPlan } from '../planner/plan/physical.ts';
import { markdownTable, megabytes } from './support/statistics.ts';
import { type ChainFigures, runChain, SECOND } from './support/timedChain.ts';
import { bestOfWindows, intervalJoin, sessions, windows } from './support/windowChains.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '300000' },
    keys: { type: 'string', default: '1000' },
    /** Measures one chain here and prints its figures. */
    inside: { type: 'string' },
  },
});

interface Chain {
  readonly plans: (cleaned: boolean) => readonly PhysicalPlan[];
  readonly ports?: number;
}

const chains: Readonly<Record<string, Chain>> = {
  'tumble 10 s': {
    plans: (cleaned) => windows({ slide: 10n * SECOND, size: 10n * SECOND, cleaned, closed: cleaned }),
  },
  'hop 1 s of 10 s': { plans: (cleaned) => windows({ slide: SECOND, size: 10n * SECOND, cleaned }) },
  'join within 1 s': { plans: intervalJoin, ports: 2 },
  'session gap 100 ms': { plans: (cleaned) => sessions(SECOND / 10n, cleaned) },
  'top 3 of tumble 10 s': { plans: (cleaned) => bestOfWindows(10n * SECOND, cleaned) },
};

interface Figures extends ChainFigures {
  readonly residentBytes: number;
}

function measure(name: string, cleaned: boolean, events: number): Figures {
  const chain = chains[name];
  if (chain === undefined) throw new TypeError(`no chain ${name}`);
  const { plans, ports = 1 } = chain;
  const figures = runChain(plans(cleaned), { events, keys: Number(values.keys), ports });
  globalThis.gc?.();
  return { ...figures, residentBytes: process.memoryUsage().rss };
}

function measureApart(name: string, cleaned: boolean, events: number): Figures | null {
  const given = ['--inside', `${name}:${cleaned}`, '--events', String(events), '--keys', values.keys];
  const child = spawnSync(process.execPath, ['--expose-gc', import.meta.filename, ...given], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return child.status === 0 ? (JSON.parse(child.stdout.toString()) as Figures) : null;
}

if (values.inside !== undefined) {
  const [name = '', cleaned = ''] = values.inside.split(':');
  process.stdout.write(JSON.stringify(measure(name, cleaned === 'true', Number(values.events))));
} else {
  const rows: (readonly string[])[] = [];
  for (const name of Object.keys(chains)) {
    for (const cleaned of [true, false]) {
      const events = Number(values.events);
      const runs = [events, events * 10].map((n) => measureApart(name, cleaned, n));
      if (runs.includes(null)) process.exitCode = 1;
      const cells = (of: (f: Figures) => string): string[] =>
        runs.map((f) => (f === null ? 'failed' : of(f)));
      rows.push([
        `${name}${cleaned ? '' : ', no watermark'}`,
        ...cells((f) => String(f.stateRows)),
        ...cells((f) => megabytes(f.stateBytes)),
        ...cells((f) => megabytes(f.residentBytes)),
      ]);
      process.stderr.write(`${(rows.at(-1) ?? []).join('  ')}\n`);
    }
  }
  const header = ['chain', 'state rows', '10x', 'state bytes', '10x', 'memory', '10x'];
  process.stdout.write(
    `\nState after ${values.events} events and after 10 times as many\n\n${markdownTable(header, rows)}\n`,
  );
}
