/** Signing in and TLS against a real broker; what is said when they fail, never with a secret. */
import { describe, expect, it } from 'vitest';
import { kafka } from '../../../connector/kafka/source.ts';
import { checkOptions } from '../../../connector/options.ts';
import type { RemoteConfig } from '../../../connector/remote.ts';
import { createTopic, produce } from '../../harness/kafka.ts';
import { useKafka } from '../../harness/useKafka.ts';

const password = 'open sesame 7';
const server = useKafka({ users: [{ name: 'reader', password }], tls: true });

function config(options: Readonly<Record<string, string>>): RemoteConfig {
  return {
    identity: '7-test',
    name: 's',
    options: checkOptions(kafka, new Map(Object.entries({ topic: 'secret', ...options }))),
  };
}

const failure = async (options: Readonly<Record<string, string>>): Promise<unknown> => {
  try {
    await kafka.check(config(options));
    return null;
  } catch (error) {
    const { state, message, hint } = error as { state?: string; message?: string; hint?: string };
    expect(`${message} ${hint}`).not.toContain('sesame');
    expect(`${message} ${hint}`).not.toContain('wrong');
    return [state, message];
  }
};

describe('connections', () => {
  it('signs in by every mechanism, with and without TLS', async () => {
    const broker = server();
    if (broker === null) return;
    await createTopic(broker, 'secret');
    await produce(broker, 'secret', [{ value: 'm' }]);
    const ways: Readonly<Record<string, string>>[] = [
      {
        'properties.bootstrap.server': broker.tlsUrl ?? '',
        'properties.security.protocol': 'SSL',
        'properties.ssl.ca.location': broker.caFile ?? '',
      },
    ];
    for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']) {
      const user = {
        'properties.sasl.mechanism': mechanism,
        'properties.sasl.username': 'reader',
        'properties.sasl.password': password,
      };
      ways.push({
        'properties.bootstrap.server': broker.saslUrl ?? '',
        'properties.security.protocol': 'SASL_PLAINTEXT',
        ...user,
      });
      ways.push({
        'properties.bootstrap.server': broker.saslTlsUrl ?? '',
        'properties.security.protocol': 'sasl_ssl',
        'properties.ssl.ca.location': broker.caFile ?? '',
        ...user,
      });
    }
    for (const way of ways) {
      const records = await kafka.sample?.(config(way), 1);
      expect(records?.map((r) => Buffer.from(r.value ?? []).toString())).toEqual(['m']);
    }
  }, 20_000);

  it('says which of it is wrong', async () => {
    const broker = server();
    if (broker === null) return;
    const sasl = {
      'properties.bootstrap.server': broker.saslUrl ?? '',
      'properties.security.protocol': 'SASL_PLAINTEXT',
      'properties.sasl.username': 'reader',
      'properties.sasl.password': 'wrong',
    };
    for (const mechanism of ['PLAIN', 'SCRAM-SHA-256']) {
      expect(await failure({ ...sasl, 'properties.sasl.mechanism': mechanism })).toEqual([
        '28P01',
        `password authentication failed for user "reader" at Kafka broker ${broker.saslUrl}`,
      ]);
    }
    expect(await failure({ ...sasl, 'properties.sasl.mechanism': 'OAUTHBEARER' })).toEqual([
      '0A000',
      'SASL mechanism OAUTHBEARER is not supported',
    ]);
    const plain = { 'properties.bootstrap.server': broker.saslUrl ?? '' };
    expect(await failure(plain)).toEqual([
      '08001',
      `could not connect to Kafka at ${broker.saslUrl} (connection closed)`,
    ]);
    expect(await failure({ 'properties.bootstrap.server': broker.tlsUrl ?? '' })).toEqual([
      '08001',
      `Kafka broker ${broker.tlsUrl} wants TLS`,
    ]);
    const untrusted = {
      'properties.bootstrap.server': broker.tlsUrl ?? '',
      'properties.security.protocol': 'SSL',
    };
    expect(await failure(untrusted)).toEqual([
      '08001',
      `Kafka broker ${broker.tlsUrl} has a certificate that is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)`,
    ]);
    expect(await failure({ ...untrusted, 'properties.ssl.ca.location': '/no/such/file' })).toEqual([
      '58P01',
      'option "properties.ssl.ca.location": cannot read the file "/no/such/file"',
    ]);
  }, 20_000);
});
