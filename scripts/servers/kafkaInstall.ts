/**
 * Apache Kafka from Maven Central, in a cache below node_modules: the broker's jars and, to start in half the time, an archive of
 * its classes (CDS). A first use makes the cache in a directory of its own and renames it, so that uses at the same time do not
 * see half of it.
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { endServer, freePort, spawnServer } from './server.ts';

export const kafkaVersion = '4.1.0';
const slf4jVersion = '1.7.36';

export const kafkaCache = join(
  import.meta.dirname,
  '..',
  '..',
  'node_modules',
  '.cache',
  'servers',
  `kafka-${kafkaVersion}`,
);
const archive = join(kafkaCache, 'classes.jsa');

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millrace</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${kafkaVersion}</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>${kafkaVersion}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>${slf4jVersion}</version></dependency>
  </dependencies>
</project>
`;

function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

export function kafkaInstallable(): boolean {
  return runs('java', ['-version']) && (existsSync(kafkaCache) || runs('mvn', ['-v']));
}

/** What `java` gets before the name of the class to run; small and quick rather than fast in the long run. */
export function javaArguments(classes = archive): readonly string[] {
  return [
    '-Xms64m',
    '-Xmx384m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-Xshare:auto',
    '-Xlog:disable',
    ...(existsSync(classes) ? [`-XX:SharedArchiveFile=${classes}`] : []),
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
    '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
    '-cp',
    `${join(kafkaCache, 'lib')}/*`,
  ];
}

/** Runs one of Kafka's tools to its end. */
export function kafkaTool(className: string, args: readonly string[]): void {
  const done = spawnSync('java', [...javaArguments(), className, ...args], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${className} failed: ${done.stdout}${done.stderr}`);
}

/** Waits until a broker says that it has started. */
export function kafkaStarted(child: ChildProcess, millis = 90_000): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = '';
    const timer = setTimeout(() => end(new Error(`Kafka has not started: ${log}`)), millis);
    const exit = (): void => end(new Error(`Kafka has ended: ${log}`));
    const data = (bytes: Buffer): void => {
      log = (log + bytes.toString('utf8')).slice(-20_000);
      if (log.includes('Kafka Server started')) end(null);
    };
    const end = (error: Error | null): void => {
      clearTimeout(timer);
      child.removeListener('exit', exit);
      child.stderr?.removeListener('data', data);
      child.stderr?.resume();
      if (error === null) resolve();
      else reject(error);
    };
    child.once('exit', exit);
    child.stderr?.on('data', data);
  });
}

/** A broker's configuration file as it is read: `name=value` lines. */
export function propertiesText(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('');
}

/** One node that is controller and broker. */
export function nodeProperties(
  directory: string,
  controllerPort: number,
  listeners: readonly { readonly name: string; readonly protocol: string; readonly port: number }[],
): Readonly<Record<string, string>> {
  const addresses = listeners.map((l) => `${l.name}://127.0.0.1:${l.port}`).join(',');
  const protocols = listeners.map((l) => `${l.name}:${l.protocol}`).join(',');
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    listeners: `${addresses},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': addresses,
    'listener.security.protocol.map': `CONTROLLER:PLAINTEXT,${protocols}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': listeners[0]?.name ?? '',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    'log.dirs': join(directory, 'data'),
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '2',
    'transaction.max.timeout.ms': '60000',
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': '500',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '1',
    'group.initial.rebalance.delay.ms': '0',
    // A node that was killed may register again at once.
    'broker.session.timeout.ms': '1000',
    'broker.heartbeat.interval.ms': '200',
    'log.cleaner.dedupe.buffer.size': '2097152',
    // Messages of tests have times long past.
    'log.retention.ms': '-1',
    'log.initial.task.delay.ms': '500',
    'log.retention.check.interval.ms': '1000',
    'log.segment.delete.delay.ms': '500',
    'num.network.threads': '2',
    'num.io.threads': '2',
    'background.threads': '2',
    'num.partitions': '1',
  };
}

/** Starts a node once and ends it in order, so that the virtual machine writes down the classes that it has loaded. */
async function makeArchive(): Promise<void> {
  const directory = mkdtempSync(join(kafkaCache, 'archive-'));
  const port = await freePort();
  const file = join(directory, 'server.properties');
  writeFileSync(
    file,
    propertiesText(
      nodeProperties(directory, await freePort(), [{ name: 'PLAINTEXT', protocol: 'PLAINTEXT', port }]),
    ),
  );
  kafkaTool('kafka.tools.StorageTool', [
    'format',
    '--standalone',
    '-t',
    'bWlsbHJhY2UtYXJjaGl2ZQ',
    '-c',
    file,
  ]);
  const made = join(directory, 'classes.jsa');
  const node = spawnServer('java', [
    `-XX:ArchiveClassesAtExit=${made}`,
    ...javaArguments(),
    'kafka.Kafka',
    file,
  ]);
  await kafkaStarted(node);
  await endServer(node, 'SIGTERM');
  if (existsSync(made)) renameSync(made, archive);
  rmSync(directory, { recursive: true, force: true });
}

/** Downloads Kafka unless it is there. */
export async function installKafka(): Promise<void> {
  if (!existsSync(kafkaCache)) {
    mkdirSync(dirname(kafkaCache), { recursive: true });
    const directory = mkdtempSync(`${kafkaCache}-`);
    writeFileSync(join(directory, 'pom.xml'), pom);
    const done = spawnSync(
      'mvn',
      ['-q', '-B', 'dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=lib'],
      { cwd: directory, encoding: 'utf8' },
    );
    if (done.status !== 0) throw new Error(`Kafka cannot be downloaded: ${done.stdout}${done.stderr}`);
    try {
      renameSync(directory, kafkaCache);
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      if (!existsSync(kafkaCache)) throw error;
    }
  }
  if (!existsSync(archive)) await makeArchive();
}
