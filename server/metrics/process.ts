/** Metrics of the process, under the names that Prometheus' client libraries use. */
import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type Collected, only } from './metric.ts';

const MICROS = 1e6;
const NANOS = 1e9;
/** How often the event loop's delay is measured, in milliseconds. */
const RESOLUTION = 20;

/** What is known of the process that no catalog has. */
export class ProcessFigures {
  readonly loop = monitorEventLoopDelay({ resolution: RESOLUTION });
  /** Takes what the server is: 1 when it is ready. */
  readonly isReady: () => boolean;

  constructor(isReady: () => boolean) {
    this.isReady = isReady;
    this.loop.enable();
  }

  close(): void {
    this.loop.disable();
  }
}

/** Seconds beyond the time at which the timer was due; what is measured has that time in it. */
function late(nanos: number): number {
  return Number.isNaN(nanos) ? 0 : Math.max(0, nanos / NANOS - RESOLUTION / 1000);
}

/** File descriptors that are open; null: this system does not tell. */
function openFiles(): number | null {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return null;
  }
}

export const processMetrics: readonly Collected<ProcessFigures>[] = [
  {
    name: 'millrace_ready',
    kind: 'gauge',
    labels: [],
    help: '1: the server is ready. 0: it is starting, and only this and the metrics of the process are there.',
    read: ({ isReady }) => only(isReady() ? 1 : 0),
  },
  {
    name: 'process_cpu_seconds_total',
    kind: 'counter',
    labels: [],
    help: 'Time on processors, of all threads.',
    read: () => {
      const { user, system } = process.cpuUsage();
      return only((user + system) / MICROS);
    },
  },
  {
    name: 'process_start_time_seconds',
    kind: 'gauge',
    labels: [],
    help: 'When the process began, in seconds since 1970.',
    read: () => only(Math.round(performance.timeOrigin) / 1000),
  },
  {
    name: 'process_resident_memory_bytes',
    kind: 'gauge',
    labels: [],
    help: 'Memory that the process has.',
    read: () => only(process.memoryUsage.rss()),
  },
  {
    name: 'process_open_fds',
    kind: 'gauge',
    labels: [],
    help: 'Open file descriptors (Linux).',
    read: () => only(openFiles()),
  },
  {
    name: 'nodejs_heap_size_used_bytes',
    kind: 'gauge',
    labels: [],
    help: 'JavaScript heap that is used.',
    read: () => only(process.memoryUsage().heapUsed),
  },
  {
    name: 'nodejs_external_memory_bytes',
    kind: 'gauge',
    labels: [],
    help: 'Memory of buffers outside of the JavaScript heap; most of the state lies there.',
    read: () => only(process.memoryUsage().external),
  },
  {
    name: 'nodejs_eventloop_lag_mean_seconds',
    kind: 'gauge',
    labels: [],
    help: 'How late timers of the main thread ran, on average since the last scrape.',
    read: ({ loop }) => only(late(loop.mean)),
  },
  {
    name: 'nodejs_eventloop_lag_max_seconds',
    kind: 'gauge',
    labels: [],
    help: 'The longest of these.',
    read: ({ loop }) => only(late(loop.max)),
  },
];
