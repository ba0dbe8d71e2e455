/** A real Apache Kafka node (KRaft: controller and broker in one process), with listeners for passwords and TLS when asked for. */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type IssuedCertificate, pemText } from './certificates.ts';
import {
  installKafka,
  javaArguments,
  kafkaInstallable,
  kafkaStarted,
  kafkaTool,
  kafkaVersion,
  nodeProperties,
  propertiesText,
} from './kafkaInstall.ts';
import { kafkaScripts } from './kafkaScripts.ts';
import { endServer, freePort, type ServerKind, type ServerProcess, spawnServer } from './server.ts';

/** PEM files. */
export interface TlsListener {
  /** Capital letters and digits. */
  readonly name: string;
  readonly certificate: IssuedCertificate;
  /** The authority that clients' certificates must be signed by; null: clients need none. */
  readonly clientsOf: string | null;
  /** Clients sign in as one of the users too. */
  readonly sasl?: boolean;
}

export interface KafkaOptions {
  /** Of the listener without passwords, where nobody else has it; absent: a free one. */
  readonly port?: number;
  /** Who may come in through the SASL listeners (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512). None: there are no such listeners. */
  readonly users?: readonly { readonly name: string; readonly password: string }[];
  /** Further listeners with TLS and certificates of the caller's. */
  readonly tlsListeners?: readonly TlsListener[];
  /** A listener with TLS (and one with TLS and SASL, where there are users). */
  readonly tls?: boolean;
  /** Over the node's own settings. */
  readonly properties?: Readonly<Record<string, string>>;
}

export interface KafkaServer extends ServerProcess {
  /** `host:port` of the further listeners; null: not asked for. */
  readonly saslUrl: string | null;
  readonly tlsUrl: string | null;
  readonly saslTlsUrl: string | null;
  /** Of a listener by its name. */
  readonly urlOf: (name: string) => string | null;
  /** PEM file of the certificate that signs the TLS listeners'; null: there are none. */
  readonly caFile: string | null;
}

interface Listener {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
}

const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;
const storePassword = 'millrace';

function loginModules(
  listener: string,
  users: NonNullable<KafkaOptions['users']>,
): Readonly<Record<string, string>> {
  const package_ = 'org.apache.kafka.common.security';
  const plain = users.map((u) => `user_${u.name}="${u.password}"`).join(' ');
  const scram = `${package_}.scram.ScramLoginModule required;`;
  const name = `listener.name.${listener.toLowerCase()}`;
  return {
    [`${name}.plain.sasl.jaas.config`]: `${package_}.plain.PlainLoginModule required ${plain};`,
    [`${name}.scram-sha-256.sasl.jaas.config`]: scram,
    [`${name}.scram-sha-512.sasl.jaas.config`]: scram,
  };
}

/** A key and its self-signed certificate for 127.0.0.1 and localhost. */
function makeKeyStore(directory: string): { readonly store: string; readonly caFile: string } {
  const store = join(directory, 'keystore.p12');
  const caFile = join(directory, 'ca.pem');
  const keytool = (...args: readonly string[]): void => {
    const done = spawnSync('keytool', [...args, '-keystore', store, '-storepass', storePassword], {
      encoding: 'utf8',
    });
    if (done.status !== 0) throw new Error(`keytool failed: ${done.stdout}${done.stderr}`);
  };
  const names = 'SAN=dns:localhost,ip:127.0.0.1';
  keytool(
    ...['-genkeypair', '-alias', 'node', '-keyalg', 'EC', '-validity', '3650', '-dname', 'CN=localhost'],
    ...['-ext', names, '-storetype', 'PKCS12'],
  );
  keytool('-exportcert', '-rfc', '-alias', 'node', '-file', caFile);
  return { store, caFile };
}

function keyStoreProperties(store: string): Readonly<Record<string, string>> {
  return {
    'ssl.keystore.location': store,
    'ssl.keystore.type': 'PKCS12',
    'ssl.keystore.password': storePassword,
    'ssl.key.password': storePassword,
  };
}

const saslListeners = ({ tlsListeners = [] }: KafkaOptions): readonly string[] =>
  tlsListeners.filter((l) => l.sasl === true).map((l) => l.name);

/** Key and certificate lie in one file, as Kafka reads them. */
function writeStore(directory: string, { name, certificate }: TlsListener): string {
  const store = join(directory, `${name}.pem`);
  writeFileSync(store, pemText(certificate.keyFile) + pemText(certificate.certificateFile));
  return store;
}

function tlsListenerProperties(directory: string, listener: TlsListener): Readonly<Record<string, string>> {
  const { clientsOf } = listener;
  const store = writeStore(directory, listener);
  const name = `listener.name.${listener.name.toLowerCase()}.ssl`;
  return {
    [`${name}.keystore.type`]: 'PEM',
    [`${name}.keystore.location`]: store,
    ...(clientsOf === null
      ? {}
      : {
          [`${name}.client.auth`]: 'required',
          [`${name}.truststore.type`]: 'PEM',
          [`${name}.truststore.location`]: clientsOf,
        }),
  };
}

async function listenersOf(options: KafkaOptions): Promise<readonly Listener[]> {
  const users = (options.users ?? []).length > 0;
  const wanted: [name: string, protocol: string][] = [['PLAINTEXT', 'PLAINTEXT']];
  if (users) wanted.push(['SASL', 'SASL_PLAINTEXT']);
  if (options.tls === true) wanted.push(['TLS', 'SSL']);
  if (users && options.tls === true) wanted.push(['SASLTLS', 'SASL_SSL']);
  for (const { name, sasl } of options.tlsListeners ?? [])
    wanted.push([name, sasl === true ? 'SASL_SSL' : 'SSL']);
  const listeners: Listener[] = [];
  for (const [name, protocol] of wanted) {
    const port = await freePort(listeners.length === 0 ? options.port : 0);
    listeners.push({ name, protocol, port });
  }
  return listeners;
}

/** Starts a node that nobody else uses. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  await installKafka();
  const directory = mkdtempSync(join(tmpdir(), 'millrace-kafka-'));
  const listeners = await listenersOf(options);
  const port = listeners[0]?.port ?? 0;
  const users = options.users ?? [];
  const tls = options.tls === true ? makeKeyStore(directory) : null;
  const file = join(directory, 'server.properties');
  writeFileSync(
    file,
    propertiesText({
      ...nodeProperties(directory, await freePort(), listeners),
      ...(users.length === 0
        ? {}
        : {
            'sasl.enabled.mechanisms': mechanisms.join(','),
            ...loginModules('SASL', users),
            ...loginModules('SASLTLS', users),
            ...Object.assign({}, ...saslListeners(options).map((name) => loginModules(name, users))),
          }),
      ...Object.assign({}, ...(options.tlsListeners ?? []).map((l) => tlsListenerProperties(directory, l))),
      ...(tls === null ? {} : keyStoreProperties(tls.store)),
      ...options.properties,
    }),
  );
  const scram = users.flatMap((u) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${u.name},password="${u.password}"]`,
    ]),
  );
  const format = ['format', '--standalone', '-t', 'bWlsbHJhY2UtdGVzdHMtMQ', '-c', file, ...scram];
  kafkaTool('kafka.tools.StorageTool', format);

  let node: ChildProcess | null = null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (node !== null) await endServer(node, signal);
    node = null;
  };
  const start = async (): Promise<void> => {
    // Certificates may have been replaced.
    for (const listener of options.tlsListeners ?? []) writeStore(directory, listener);
    node = spawnServer('java', [...javaArguments(), 'kafka.Kafka', file]);
    await kafkaStarted(node);
  };
  await start();
  const url = (name: string): string | null => {
    const listener = listeners.find((l) => l.name === name);
    return listener === undefined ? null : `127.0.0.1:${listener.port}`;
  };
  return {
    host: '127.0.0.1',
    port,
    url: `127.0.0.1:${port}`,
    saslUrl: url('SASL'),
    tlsUrl: url('TLS'),
    saslTlsUrl: url('SASLTLS'),
    urlOf: url,
    caFile: tls?.caFile ?? null,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    start,
    async close() {
      await end('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export const kafka: ServerKind = {
  name: 'kafka',
  needs: `Java 17 (Debian: openjdk-17-jre-headless) and Maven (maven), which fetches Apache Kafka ${kafkaVersion} once`,
  installed: kafkaInstallable,
  fetched: true,
  usualPort: 9092,
  start: (port) => startKafka(port === undefined ? {} : { port }),
  hints: () => [`Kafka's tools: PATH=${kafkaScripts()}:$PATH`],
};
