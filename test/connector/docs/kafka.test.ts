/** The statements and commands of docs/connectors/kafka.md do what it says, with Kafka's own tools. */
import { execFile } from 'node:child_process';
import { delimiter } from 'node:path';
import { promisify } from 'node:util';
import { it } from 'vitest';
import type { KafkaServer } from '../../../scripts/servers/kafka.ts';
import { kafkaScripts } from '../../../scripts/servers/kafkaScripts.ts';
import { useKafka } from '../../harness/useKafka.ts';
import { blocksOf, eventually, inProse, printed, replaced, withServer } from './support.ts';

const kafka = useKafka({ users: [{ name: 'reader', password: '...' }], tls: true });

/** Runs shell commands with Kafka's tools in PATH. */
async function shell({ url }: KafkaServer, commands: string, input = ''): Promise<void> {
  const PATH = [kafkaScripts(), process.env.PATH].join(delimiter);
  const here = replaced(commands, '127.0.0.1:9092', url);
  const running = promisify(execFile)('sh', ['-ec', here], { env: { ...process.env, PATH } });
  running.child.stdin?.end(input);
  await running;
}

it('kafka.md', { timeout: 120_000 }, async () => {
  const broker = kafka();
  if (broker === null) return;
  const [commands = '', messages = '', statements = '', query = '', output = '', secure = ''] =
    blocksOf('kafka.md');
  await shell(broker, commands, messages);
  await withServer(async (client) => {
    await client.tags(replaced(statements, '127.0.0.1:9092', broker.url));
    await eventually(() => client.rows(query), printed(output));
    // What is written from now on changes the view by itself, also after the statements for lost messages.
    const alter = inProse(
      'kafka.md',
      "ALTER SOURCE bids CONNECTOR WITH (scan.offset.out.of.range = 'earliest')",
    );
    await client.tags(alter);
    await client.tags(inProse('kafka.md', 'ALTER SOURCE bids RESUME'));
    const producer = commands.split('\n')[1] ?? '';
    await shell(broker, producer, '{"auction": 2, "bidder": "ann", "price": 30}\n');
    await eventually(
      () => client.rows(query),
      [
        ['1', '2', '15'],
        ['2', '2', '30'],
      ],
    );
  });
  await withServer(async (client) => {
    const here = replaced(
      replaced(secure, 'broker-1:9093,broker-2:9093', broker.saslTlsUrl ?? ''),
      '/etc/ssl/kafka-ca.pem',
      broker.caFile ?? '',
    );
    await client.tags(here);
    await eventually(() => client.rows('SELECT count(*) FROM bids'), [['4']]);
  });
});
