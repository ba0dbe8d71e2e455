/** A Millrace server of its own in a test file, over the file's Kafka node. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect } from 'vitest';
import type { KafkaServer } from '../../../scripts/servers/kafka.ts';
import { type ServedProgram, startProgram } from '../../harness/server.ts';

const ATTEMPTS = 800;
const START_MILLIS = 60_000;

export interface SqlServer {
  run(sql: string): Promise<void>;
  /** Rows of a query, columns parted by ` | `. */
  rows(sql: string): Promise<readonly string[]>;
  /** Waits until a query gives these rows. */
  expectRows(sql: string, expected: readonly string[]): Promise<void>;
  /** The WITH clause of a source over a topic. */
  withKafka(topic: string, more?: Readonly<Record<string, string>>): string;
  /** By SIGKILL. */
  kill(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Starts a server before the file's tests and ends it after them. */
export function useSqlServer(kafka: () => KafkaServer | null): SqlServer {
  let directory = '';
  let server: ServedProgram | null = null;
  let client: pg.Client | null = null;
  const connected = (): pg.Client => {
    if (client === null) throw new Error('the server is not started');
    return client;
  };
  const rows = async (sql: string): Promise<readonly string[]> => {
    const { rows } = await connected().query({ text: sql, rowMode: 'array' });
    return rows.map((row: readonly unknown[]) =>
      row.map((v) => (v === null ? 'null' : String(v))).join(' | '),
    );
  };
  const all: SqlServer = {
    async run(sql) {
      await connected().query(sql);
    },
    rows,
    async expectRows(sql, expected) {
      for (let attempt = 0; ; attempt++) {
        const seen = await rows(sql);
        if (attempt > ATTEMPTS || JSON.stringify(seen) === JSON.stringify(expected)) {
          expect(seen).toEqual(expected);
          return;
        }
        await sleep(50);
      }
    },
    withKafka(topic, more = {}) {
      const options = {
        connector: 'kafka',
        topic,
        'properties.bootstrap.server': kafka()?.url ?? '',
        'properties.metadata.max.age.ms': '300',
        ...more,
      };
      const list = Object.entries(options).map(([name, value]) => `${name} = '${value}'`);
      return `WITH (${list.join(', ')})`;
    },
    async kill() {
      server?.program.signal('SIGKILL');
      await server?.program.finished();
      await client?.end().catch(() => {});
    },
    async stop() {
      await client?.end().catch(() => {});
      await server?.close();
    },
    async start() {
      server = await startProgram(['--data-dir', join(directory, 'data')]);
      client = new pg.Client({ connectionString: server.url });
      client.on('error', () => {});
      await client.connect();
    },
  };
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'millrace-kafka-sql-'));
    await all.start();
  }, START_MILLIS);
  afterAll(async () => {
    await all.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  return all;
}

/** JSON of bids on three auctions. */
export const bids = (from: number, count: number, partition = 0) =>
  Array.from({ length: count }, (_, i) => ({
    partition,
    value: JSON.stringify({ auction: (from + i) % 3, price: from + i }),
  }));
