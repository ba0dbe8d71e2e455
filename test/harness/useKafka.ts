/** One real Kafka node per test file. */
import { afterAll, beforeAll, expect } from 'vitest';
import { type KafkaOptions, type KafkaServer, kafka, startKafka } from '../../scripts/servers/kafka.ts';

const START_MILLIS = 180_000;

/**
 * Starts a node before the file's tests and ends it after them. Gives a function that tells it; null: Java or Maven is missing,
 * which fails where MILLRACE_REQUIRE_SERVERS is set.
 */
export function useKafka(options: KafkaOptions = {}): () => KafkaServer | null {
  let server: KafkaServer | null = null;
  beforeAll(async () => {
    if (!kafka.installed()) {
      expect(process.env.MILLRACE_REQUIRE_SERVERS, `Kafka needs ${kafka.needs}`).not.toBe('1');
      return;
    }
    server = await startKafka(options);
  }, START_MILLIS);
  afterAll(async () => {
    await server?.close();
  });
  return () => server;
}
