/** Which partition a record goes to: by its key as Kafka's own clients do, so that all changes of a key stay in order. */

const SEED = 0x9747b28c;
const MIX = 0x5bd1e995;
const SHIFT = 24;
const POSITIVE = 0x7fffffff;

/** Murmur2 as Kafka has it, as a signed number of 32 bits. */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes;
  let hash = SEED ^ length;
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let k =
      (bytes[i] ?? 0) |
      ((bytes[i + 1] ?? 0) << 8) |
      ((bytes[i + 2] ?? 0) << 16) |
      ((bytes[i + 3] ?? 0) << 24);
    k = Math.imul(k, MIX);
    k ^= k >>> SHIFT;
    k = Math.imul(k, MIX);
    hash = Math.imul(hash, MIX) ^ k;
  }
  const rest = length & 3;
  if (rest === 3) hash ^= (bytes[whole + 2] ?? 0) << 16;
  if (rest >= 2) hash ^= (bytes[whole + 1] ?? 0) << 8;
  if (rest >= 1) hash = Math.imul(hash ^ (bytes[whole] ?? 0), MIX);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, MIX);
  return hash ^ (hash >>> 15);
}

/** The partition of a key, of so many. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & POSITIVE) % partitions;
}
