/** Confluent's framing: a zero byte, the schema's id in four bytes, then the message (for Protobuf, which of the schema's types first). */
import { SqlError } from '../../common/sqlError.ts';

export const HEADER_BYTES = 5;

/** The id of the schema that a payload names; null: it is not framed. */
export function schemaId(payload: Uint8Array): number | null {
  if (payload.length < HEADER_BYTES || payload[0] !== 0) return null;
  return (
    (payload[1] ?? 0) * 0x1000000 + ((payload[2] ?? 0) << 16) + ((payload[3] ?? 0) << 8) + (payload[4] ?? 0)
  );
}

export function requireSchemaId(payload: Uint8Array): number {
  const id = schemaId(payload);
  if (id !== null) return id;
  throw new SqlError('22P03', 'message does not begin with the id of a schema', {
    detail: `Its first bytes are ${Buffer.from(payload.subarray(0, HEADER_BYTES)).toString('hex')}.`,
    hint: "A registry's serializers write a zero byte and four bytes of the id before each message.",
  });
}

export function schemaHeader(id: number): Uint8Array {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(id, 1);
  return header;
}
