/** A Kafka node as a target of the conformance suite of sinks. */
import { kafka as kafkaKind, startKafka } from '../../../scripts/servers/kafka.ts';
import type { SinkFixture } from '../sinkFixtures.ts';
import { consume, text } from './support.ts';

export const kafka: SinkFixture = {
  connector: 'kafka',
  missing: () => (kafkaKind.installed() ? null : kafkaKind.needs),
  start: async () => {
    const server = await startKafka({ users: [{ name: 'ann', password: 'sesame' }] });
    return {
      clause: 'FORMAT UPSERT ENCODE JSON',
      options: (name) => ({
        'properties.bootstrap.server': server.url,
        topic: name,
        'create.topic': 'true',
        'properties.request.timeout.ms': '5000',
      }),
      state: async (name) => {
        const state = new Map<number, number>();
        for (const { key, value } of await consume(server.url, name)) {
          const { id } = JSON.parse(text(key) ?? '') as { readonly id: number };
          if (value === null) state.delete(id);
          else state.set(id, (JSON.parse(text(value) ?? '') as { readonly v: number }).v);
        }
        return state;
      },
      unreachable: { 'properties.bootstrap.server': '127.0.0.1:1' },
      wrongPassword: {
        'properties.bootstrap.server': server.saslUrl ?? '',
        'properties.security.protocol': 'SASL_PLAINTEXT',
        'properties.sasl.username': 'ann',
        'properties.sasl.password': 'wrong',
      },
      outage: { stop: () => server.kill(), start: () => server.start() },
      close: () => server.close(),
    };
  },
};
