/** The quickstart of docs/connectors/kafka.md works as written. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createTopic, produce } from '../../harness/kafka.ts';
import { root } from '../../harness/server.ts';
import { useKafka } from '../../harness/useKafka.ts';
import { useSqlServer } from './sqlServer.ts';

const kafka = useKafka();
const sql = useSqlServer(kafka);

it('follows the document', async () => {
  const broker = kafka();
  if (broker === null) return;
  const text = readFileSync(join(root, 'docs/connectors/kafka.md'), 'utf8');
  const blocks = [...text.matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, , block]) => block ?? '');
  const [commands, messages, statements, result] = blocks;
  const [, topic, partitions] = /--topic (\w+) --partitions (\d+)/.exec(commands ?? '') ?? [];
  await createTopic(broker, topic ?? '', Number(partitions));
  const lines = (messages ?? '').trim().split('\n');
  await produce(
    broker,
    topic ?? '',
    lines.map((value, i) => ({ value, partition: i % Number(partitions) })),
  );
  const all = (statements ?? '').split(';').map((s) => s.trim().replace('127.0.0.1:9092', broker.url));
  const query = all[2] ?? '';
  for (const statement of all.slice(0, 2)) await sql.run(statement);
  const table = (result ?? '').trim().split('\n').slice(2);
  expect(table.length).toBe(2);
  await sql.expectRows(
    query,
    table.map((line) =>
      line
        .split('|')
        .map((cell) => cell.trim())
        .join(' | '),
    ),
  );
}, 120_000);
