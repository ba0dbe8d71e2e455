/** Every sink connector. */
import { blackhole } from './blackhole/sink.ts';
import { fileSink } from './fileSink/sink.ts';
import { httpSink } from './httpSink/sink.ts';
import { kafkaSink } from './kafka/sink.ts';
import { postgresSink } from './postgres/sink.ts';
import { redisSink } from './redis/sink.ts';
import type { SinkConnector } from './sink.ts';

export const sinkConnectors: readonly SinkConnector[] = [
  fileSink,
  kafkaSink,
  postgresSink,
  redisSink,
  httpSink,
  blackhole,
];
