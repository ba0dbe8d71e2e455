/** Kafka's command-line tools under the names that its own distribution gives them, over the jars of the cache. */
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { javaArguments, kafkaCache } from './kafkaInstall.ts';

const tools: Readonly<Record<string, string>> = {
  'kafka-topics.sh': 'org.apache.kafka.tools.TopicCommand',
  'kafka-console-producer.sh': 'org.apache.kafka.tools.ConsoleProducer',
  'kafka-console-consumer.sh': 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  'kafka-delete-records.sh': 'org.apache.kafka.tools.DeleteRecordsCommand',
  'kafka-consumer-groups.sh': 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
};

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** The directory with them, for PATH. Kafka must be installed. */
export function kafkaScripts(): string {
  const directory = join(kafkaCache, 'bin');
  mkdirSync(directory, { recursive: true });
  for (const [name, className] of Object.entries(tools)) {
    const path = join(directory, name);
    if (existsSync(path)) continue;
    const command = ['java', ...javaArguments(), className].map(quoted).join(' ');
    const part = `${path}.${process.pid}`;
    writeFileSync(part, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
    renameSync(part, path);
  }
  return directory;
}
