/** Connectors for the thread of readers: one that counts, and one whose thread ends the first time that it is read. */
import { existsSync, writeFileSync } from 'node:fs';
import type { RemoteConnector, RemoteRecord } from '../../../connector/remote.ts';

const END = 10;

function counting(
  name: string,
  onFetch: (at: number, options: ReadonlyMap<string, string>) => void,
): RemoteConnector {
  return {
    name,
    doc: 'Numbers.',
    options: [
      { name: 'marker', type: 'string', doc: 'A file that is there when the thread has ended once.' },
    ],
    formats: ['PLAIN JSON'],
    include: [],
    check: async () => ({ partitions: [] }),
    open: async ({ options }, from) => {
      let at = Number(from?.at ?? 0);
      return {
        async fetch(_, signal) {
          onFetch(at, options);
          if (at >= END)
            await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
          const value = new Uint8Array(
            Buffer.from(JSON.stringify({ n: at, words: `ä${at}`, list: [at, null] })),
          );
          const record: RemoteRecord = {
            partition: '0',
            offset: String(at),
            key: null,
            value,
            timestamp: null,
            headers: [],
          };
          at++;
          return { records: [record], position: { at } };
        },
        acknowledge: async () => {},
        progress: () => [],
        close: async () => {},
      };
    },
  };
}

export const remoteConnectors: readonly RemoteConnector[] = [
  counting('counting', () => {}),
  counting('frail', (at, options) => {
    const marker = options.get('marker') ?? '';
    if (at !== END / 2 || existsSync(marker)) return;
    writeFileSync(marker, '');
    process.exit(1);
  }),
];
