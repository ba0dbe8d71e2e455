/** What keeps a Kafka source from going on: messages that are gone. */
import { SqlError } from '../../common/sqlError.ts';

const goOn =
  "ALTER SOURCE ... CONNECTOR WITH (scan.offset.out.of.range = 'earliest') and RESUME go on with what there is; what is missing is counted.";

export function retentionOverrun(topic: string, partition: number, next: number, first: number): SqlError {
  return new SqlError(
    '55000',
    `messages of topic "${topic}" are gone that were not read: partition ${partition} begins at offset ${first} now, and ${next} is next`,
    { detail: `${first - next} offsets are missing: retention or a deletion was faster.`, hint: goOn },
  );
}

export function cutOff(topic: string, partition: number, next: number, end: number): SqlError {
  return new SqlError(
    '55000',
    `partition ${partition} of topic "${topic}" ends at offset ${end}, before ${next}, which is to be read next`,
    { detail: 'Brokers have lost messages that were read here (an unclean leader election).', hint: goOn },
  );
}

export function recreated(topic: string): SqlError {
  return new SqlError('55000', `topic "${topic}" was deleted and made again`, {
    detail: 'What it has now are other messages than those that were read.',
    hint: `Drop the source and create it again; or ${goOn}`,
  });
}
