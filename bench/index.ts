/**
 * The main figures, one benchmark after the other: Nexmark in process and through the wire, GROUP BY, small ticks and
 * freshness. `node bench/index.ts --list` names all benchmarks.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const main = ['nexmark', 'groupBy', 'smallTick', 'freshness', 'nexmarkWire'] as const;

const all: Readonly<Record<string, string>> = {
  nexmark: 'Nexmark queries in process: events a second, state, ticks',
  groupBy: 'GROUP BY with many keys, and ticks while state grows',
  smallTick: 'ticks of 1, 10 and 100 rows through a chain of operators',
  freshness: 'INSERT until visible in a view over a view, over the wire',
  nexmarkWire: 'Nexmark by COPY over the wire',
  commits: 'commits a second with 1, 8 and 32 connections, synchronous_commit on and off',
  windows: 'windows over event time, on update and on close',
  windowChange: 'OVER: one change in a partition of 10^3 to 10^6 rows, by function',
  plateau: 'state behind a watermark after 1 and 10 times the events',
  changeCost: 'one change in groups, partitions and join keys of up to a million rows',
  memory: 'state of 1, 2 and 5 times the memory limit',
  operators: 'single operators',
  join: 'joins',
  deltaJoin: 'joins over shared arrangements against joins with state of their own',
  state: 'state structures',
  parser: 'parser',
  formats: 'decoding of messages alone, by FORMAT and ENCODE',
  remote: 'rows of remote sources: what they cost the main thread',
  wireRows: 'rows to the wire',
  kafka: 'a Kafka topic into GROUP BY count against the bare client; starts a broker',
  mqtt: 'messages of an MQTT broker into GROUP BY count against a bare client; starts a broker',
  kafkaClients: 'clients for Kafka on one real broker',
};

if (process.argv.includes('--list')) {
  for (const [name, about] of Object.entries(all)) process.stdout.write(`${name.padEnd(13)}${about}\n`);
} else {
  for (const name of main) {
    const file = join(import.meta.dirname, `${name}.ts`);
    const done = spawnSync(process.execPath, ['--expose-gc', file], { stdio: 'inherit' });
    if (done.status !== 0) process.exitCode = 1;
  }
}
