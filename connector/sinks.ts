/** Every sink connector. */
import { blackhole } from './blackhole/sink.ts';
import { fileSink } from './fileSink/sink.ts';
import type { SinkConnector } from './sink.ts';

export const sinkConnectors: readonly SinkConnector[] = [fileSink, blackhole];
