/** What CREATE says of FORMAT and ENCODE besides options: that they go with the columns, and that the schema registry answers. */
import type { SourceConfig } from '../../connector/connector.ts';
import { createMessageDecoder } from '../../connector/formats/messageDecoder.ts';
import { registryClient } from '../../connector/registry/client.ts';
import type { RemoteSource } from './remoteSource.ts';

/** Throws SqlError where FORMAT, ENCODE, their options and the columns do not go together. Connects to nothing. */
export function checkDecoding(connector: RemoteSource, config: SourceConfig): void {
  const { message } = connector.decoding(config);
  const decoder = createMessageDecoder({
    ...message,
    context: {
      timeZone: config.timeZone,
      now: config.clock,
      intervalStyle: 'postgres',
      byteaOutput: 'hex',
      extraFloatDigits: 1,
    },
  });
  void decoder.close();
}

/** Asks the registry once, if there is one. What it has of the topic does not matter: a schema may come later than the source. */
export async function checkRegistry(
  encodeOptions: ReadonlyMap<string, string>,
  topic: string | undefined,
): Promise<void> {
  if (!encodeOptions.has('schema.registry')) return;
  await registryClient(encodeOptions).latest(`${topic ?? 'millrace'}-value`);
}
