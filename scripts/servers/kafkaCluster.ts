/** Several Apache Kafka nodes (each controller and broker) that are one cluster; nodes are killed and started by their numbers. */
import { type ChildProcess, execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installKafka, javaArguments, kafkaStarted, nodeProperties, propertiesText } from './kafkaInstall.ts';
import { endServer, freePort, spawnServer } from './server.ts';

const HEAP = '-Xmx256m';
const CLUSTER_ID = 'bWlsbHJhY2UtdGVzdHMtMw';

export interface KafkaCluster {
  /** All brokers, separated by commas. */
  readonly url: string;
  /** Brokers by number, from 1. */
  urlOf(node: number): string;
  /** SIGKILL; the data stays. */
  kill(node: number): Promise<void>;
  start(node: number): Promise<void>;
  /** Ends all and removes their data. */
  close(): Promise<void>;
}

interface ClusterNode {
  readonly id: number;
  readonly directory: string;
  readonly file: string;
  readonly port: number;
  readonly controllerPort: number;
}

async function placesOf(directory: string, nodes: number): Promise<readonly ClusterNode[]> {
  const places: ClusterNode[] = [];
  for (let id = 1; id <= nodes; id++) {
    const own = join(directory, String(id));
    mkdirSync(own);
    const file = join(own, 'server.properties');
    places.push({ id, directory: own, file, port: await freePort(), controllerPort: await freePort() });
  }
  return places;
}

/** A member of a cluster whose controllers are known from the start. */
function memberProperties(node: ClusterNode, all: readonly ClusterNode[]): Readonly<Record<string, string>> {
  const listeners = [{ name: 'PLAINTEXT', protocol: 'PLAINTEXT', port: node.port }];
  const { 'controller.quorum.bootstrap.servers': _alone, ...properties } = {
    ...nodeProperties(node.directory, node.controllerPort, listeners),
  };
  const copies = String(all.length);
  const quorum = String(Math.floor(all.length / 2) + 1);
  return {
    ...properties,
    'node.id': String(node.id),
    'controller.quorum.voters': all.map((n) => `${n.id}@127.0.0.1:${n.controllerPort}`).join(','),
    'default.replication.factor': copies,
    'min.insync.replicas': quorum,
    'offsets.topic.replication.factor': copies,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': quorum,
    // A busy machine is not a dead one.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    'replica.lag.time.max.ms': '3000',
  };
}

export async function startKafkaCluster(nodes = 3): Promise<KafkaCluster> {
  await installKafka();
  const directory = mkdtempSync(join(tmpdir(), 'millrace-kafka-cluster-'));
  const places = await placesOf(directory, nodes);
  for (const node of places) writeFileSync(node.file, propertiesText(memberProperties(node, places)));
  const format = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c'];
  await Promise.all(
    places.map(({ file }) => promisify(execFile)('java', [...javaArguments(), ...format, file])),
  );
  const running = new Map<number, ChildProcess>();
  const place = (id: number): ClusterNode => {
    const found = places[id - 1];
    if (found === undefined) throw new Error(`the cluster has no node ${id}`);
    return found;
  };
  const start = async (id: number): Promise<void> => {
    const child = spawnServer('java', [...javaArguments(), HEAP, 'kafka.Kafka', place(id).file]);
    running.set(id, child);
    await kafkaStarted(child);
  };
  const kill = async (id: number): Promise<void> => {
    const child = running.get(id);
    running.delete(id);
    if (child !== undefined) await endServer(child, 'SIGKILL');
  };
  const urlOf = (id: number): string => `127.0.0.1:${place(id).port}`;
  const close = async (): Promise<void> => {
    await Promise.all([...running.keys()].map(kill));
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await Promise.all(places.map(({ id }) => start(id)));
  } catch (error) {
    await close();
    throw error;
  }
  return { url: places.map(({ id }) => urlOf(id)).join(','), urlOf, kill, start, close };
}
