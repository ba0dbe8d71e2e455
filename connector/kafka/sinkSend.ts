/**
 * Sends records of a `kafka` sink. A batch that the topic finds too large fails the delivery; the next one is made of smaller
 * batches, until it passes or is one record, which is then named.
 */
import { SqlError } from '../../common/sqlError.ts';
import { SinkRefusal } from '../sink.ts';
import type { KafkaProducer } from './producer.ts';
import type { OutgoingRecord } from './recordWriter.ts';

const TOO_LARGE: readonly number[] = [10, 18];
const INVALID_RECORD = 87;
const SHOWN_KEY = 200;

/** The protocol's code in what the producer reports; null: it is something else. */
function codeOf(error: unknown): number | null {
  if (!(error instanceof SqlError)) return null;
  const match = /: Kafka error (-?\d+)$/.exec(error.message);
  return match === null ? null : Number(match[1]);
}

/** Smaller batches may pass. */
export class TooLarge extends Error {}

function named(record: OutgoingRecord | undefined): string {
  if (record === undefined) return 'a record';
  const size = (record.key?.length ?? 0) + (record.value?.length ?? 0);
  const text = record.key ?? record.value;
  const start = text === null ? '' : Buffer.from(text).toString().slice(0, SHOWN_KEY);
  return `a record of ${size} bytes (${record.key === null ? 'it begins' : 'key'} ${start})`;
}

/** One call at a time. */
export async function sendRecords(
  producer: KafkaProducer,
  topic: string,
  records: readonly OutgoingRecord[],
): Promise<void> {
  try {
    await producer.send(topic, records);
  } catch (error) {
    const code = codeOf(error);
    if (code !== null && TOO_LARGE.includes(code)) {
      if (records.length > 1)
        throw new TooLarge(`${records.length} records for topic "${topic}" are too large together`);
      throw new SinkRefusal(
        `the topic "${topic}" refuses ${named(records[0])}: it is larger than max.message.bytes`,
      );
    }
    if (code === INVALID_RECORD) {
      throw new SinkRefusal(
        `the topic "${topic}" refuses a record, as a compacted topic does one without a key: ${named(records[0])}`,
      );
    }
    throw error;
  }
}
