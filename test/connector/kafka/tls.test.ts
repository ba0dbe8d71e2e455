/** Kafka by TLS with a private authority and certificates of clients, with and without SASL; source and sink. */
import { expect, it } from 'vitest';
import { kafka } from '../../../connector/kafka/source.ts';
import { checkOptions } from '../../../connector/options.ts';
import { pemText } from '../../../scripts/servers/certificates.ts';
import { createTopic, produce } from '../../harness/kafka.ts';
import { expectTls, replaceCertificate, usePki } from '../../harness/pki.ts';
import { useKafka } from '../../harness/useKafka.ts';
import { useSqlServer } from './sqlServer.ts';

const pki = usePki();
const password = 'open sesame 7';
const clientsOf = pki.caFile;
/** Replaced while sources read. */
const changing = pki.copy(pki.server);
const server = useKafka({
  users: [{ name: 'reader', password }],
  tlsListeners: [
    { name: 'MUTUAL', certificate: pki.server, clientsOf },
    { name: 'ELSEWHERE', certificate: pki.elsewhere, clientsOf },
    { name: 'EXPIRED', certificate: pki.expired, clientsOf },
    { name: 'CHANGING', certificate: changing, clientsOf },
    { name: 'SIGNED', certificate: pki.server, clientsOf, sasl: true },
    { name: 'SIGNEDELSEWHERE', certificate: pki.elsewhere, clientsOf, sasl: true },
    { name: 'SIGNEDEXPIRED', certificate: pki.expired, clientsOf, sasl: true },
  ],
});
const sql = useSqlServer(server);

type Options = Readonly<Record<string, string>>;

async function connect(url: string, options: Options): Promise<void> {
  const given = {
    topic: 'secured',
    'properties.bootstrap.server': url,
    'properties.security.protocol': 'SSL',
    ...options,
  };
  const checked = checkOptions(kafka, new Map(Object.entries(given)));
  await kafka.check({ identity: '7-test', name: 's', options: checked });
}

const names = {
  ca: 'properties.ssl.ca.location',
  certificate: 'properties.ssl.certificate.location',
  key: 'properties.ssl.key.location',
  keyPassword: 'properties.ssl.key.password',
  serverName: 'properties.ssl.server.name',
};

const right: Options = {
  'properties.ssl.ca.pem': pemText(pki.caFile),
  'properties.ssl.certificate.pem': pemText(pki.client.certificateFile),
  'properties.ssl.key.pem': pemText(pki.client.keyFile),
};

const sasl: Options = {
  'properties.security.protocol': 'SASL_SSL',
  'properties.sasl.mechanism': 'SCRAM-SHA-256',
  'properties.sasl.username': 'reader',
  'properties.sasl.password': password,
};

it('connects with the right certificates, and says what is wrong with others', async () => {
  const broker = server();
  if (broker === null) return;
  await createTopic(broker, 'secured');
  const urlOf = (name: string): string => broker.urlOf(name) ?? '';
  const servers = { mutual: urlOf('MUTUAL'), elsewhere: urlOf('ELSEWHERE'), expired: urlOf('EXPIRED') };
  await expectTls({ pki, names, servers, connect });
  const signed = (url: string, options: Options) => connect(url, { ...sasl, ...options });
  const signing = {
    mutual: urlOf('SIGNED'),
    elsewhere: urlOf('SIGNEDELSEWHERE'),
    expired: urlOf('SIGNEDEXPIRED'),
  };
  await expectTls({ pki, names, servers: signing, connect: signed });
  await signed(urlOf('SIGNED'), right);
  await connect(servers.elsewhere, {
    ...right,
    'properties.ssl.endpoint.identification.algorithm': 'none',
  });
  await expect(signed(urlOf('SIGNED'), { ...right, 'properties.sasl.password': 'x' })).rejects.toMatchObject({
    state: '28P01',
  });
  await expect(
    connect(servers.mutual, { ...right, 'properties.ssl.ca.location': pki.caFile }),
  ).rejects.toMatchObject({
    state: '22023',
    message: 'options "properties.ssl.ca.location" and "properties.ssl.ca.pem" cannot both be given',
  });
  await expect(
    connect(servers.mutual, { 'properties.ssl.key.location': pemText(pki.client.keyFile) }),
  ).rejects.toMatchObject({
    state: '22023',
    message: 'option "properties.ssl.key.location" takes the path of a file',
    hint: 'Give PEM text in the option "properties.ssl.key.pem".',
  });
}, 30_000);

it('reads and writes by it, and shows no key', async () => {
  const broker = server();
  if (broker === null) return;
  await createTopic(broker, 'read');
  await createTopic(broker, 'written');
  await produce(broker, 'read', [{ value: '{"n": 1}' }, { value: '{"n": 2}' }]);
  const options = { ...sasl, ...right, 'properties.bootstrap.server': broker.urlOf('SIGNED') ?? '' };
  const secured = Object.entries(options).map(([name, value]) => `${name} = '${value}'`);
  await sql.run(`CREATE SOURCE s (n int) ${sql.withKafka('read', options)} FORMAT PLAIN ENCODE JSON`);
  await sql.run(
    `CREATE SINK k FROM s WITH (connector = 'kafka', topic = 'written', ${secured.join(', ')})
     FORMAT PLAIN ENCODE JSON`,
  );
  await sql.run(`CREATE SOURCE w (n int) ${sql.withKafka('written', options)} FORMAT PLAIN ENCODE JSON`);
  await sql.expectRows('SELECT n FROM w ORDER BY n', ['1', '2']);
  for (const query of [
    'SHOW CREATE SOURCE s',
    'SHOW CREATE SINK k',
    'SELECT * FROM millrace_catalog.sources',
    'SELECT * FROM millrace_catalog.sinks',
    'SELECT * FROM pg_stat_activity',
  ]) {
    const shown = (await sql.rows(query)).join('\n');
    expect(shown).not.toBe('');
    expect(shown).not.toContain('PRIVATE KEY');
    expect(shown).not.toContain('sesame');
  }
}, 30_000);

it('says why it does not read any more, and goes on when the certificate is right again', async () => {
  const broker = server();
  if (broker === null) return;
  const restart = async (certificate: typeof changing): Promise<void> => {
    await broker.stop();
    replaceCertificate(changing, certificate);
    await broker.start();
  };
  await createTopic(broker, 'changing');
  await produce(broker, 'changing', [{ value: '{"n": 1}' }]);
  const options = {
    ...right,
    'properties.security.protocol': 'SSL',
    'properties.bootstrap.server': broker.urlOf('CHANGING') ?? '',
  };
  await sql.run(`CREATE SOURCE c (n int) ${sql.withKafka('changing', options)} FORMAT PLAIN ENCODE JSON`);
  await sql.expectRows('SELECT n FROM c', ['1']);
  await restart(pki.expired);
  await sql.expectRows(
    `SELECT regexp_replace(paused_reason, '^Kafka broker [^ ]+', '') FROM millrace_catalog.sources WHERE name = 'c'`,
    [' has a certificate that has expired (CERT_HAS_EXPIRED) (SQLSTATE 08001)'],
  );
  await restart(pki.server);
  await produce(broker, 'changing', [{ value: '{"n": 2}' }]);
  await sql.expectRows('SELECT n FROM c ORDER BY n', ['1', '2']);
}, 120_000);
