/** A remote connector that gives bids of about 200 bytes of JSON from memory: what remains is Millrace's own cost. */
import type { RemoteConnector, RemoteRecord } from '../../connector/remote.ts';

const MADE = 8192;

function bids(): readonly Uint8Array[] {
  return Array.from({ length: MADE }, (_, i) => {
    const bid = {
      auction: 1000 + (i % 997),
      bidder: 2000 + ((i * 7) % 991),
      price: 100 + ((i * 13) % 9973),
      channel: ['Google', 'Facebook', 'Baidu', 'Apple'][i % 4],
      url: `https://www.nexmark.com/item.htm?query=${i % 50}&channel_id=${i % 7}`,
      date_time: `2024-01-01 00:00:${String(i % 60).padStart(2, '0')}.${String(i % 1000).padStart(3, '0')}`,
      extra: 'x'.repeat(20),
    };
    return new Uint8Array(Buffer.from(JSON.stringify(bid)));
  });
}

const bidsConnector: RemoteConnector = {
  name: 'bids',
  doc: 'Bids from memory.',
  options: [{ name: 'messages', type: 'integer', required: true, doc: 'How many.' }],
  formats: ['PLAIN JSON'],
  include: [],
  check: async () => ({ partitions: ['0'] }),
  open: async ({ options }, from) => {
    const values = bids();
    const end = Number(options.get('messages'));
    let at = Number(from?.at ?? 0);
    return {
      async fetch(maxRecords, signal) {
        if (at >= end) {
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        }
        // As over a network: others have their turn.
        await new Promise((resolve) => setImmediate(resolve));
        const records: RemoteRecord[] = [];
        for (; records.length < maxRecords && at < end; at++) {
          const value = values[at % MADE] ?? null;
          records.push({
            partition: '0',
            offset: String(at),
            key: null,
            value,
            timestamp: null,
            headers: [],
          });
        }
        return { records, position: { at } };
      },
      acknowledge: async () => {},
      progress: () => [],
      close: async () => {},
    };
  },
};

export const remoteConnectors: readonly RemoteConnector[] = [bidsConnector];
