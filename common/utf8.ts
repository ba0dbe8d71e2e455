/** UTF-8 text from outside: decoded only if valid and free of NUL, as PostgreSQL's text types demand. */
import { isUtf8 } from 'node:buffer';
import { SqlError } from './sqlError.ts';

/** The text of bytes [start, end); 22021 naming the first invalid sequence. */
export function decodeUtf8(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  if (!isUtf8(view)) throw invalidSequence(view, firstInvalid(view));
  const nul = view.indexOf(0);
  if (nul >= 0) throw invalidSequence(view, nul);
  return view.toString('utf8');
}

/** Length of the sequence that a lead byte announces; 1 for anything that leads nothing. */
export function sequenceLength(lead: number): number {
  if (lead >= 0xf0 && lead < 0xf8) return 4;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xc0 && lead < 0xe0 ? 2 : 1;
}

function invalidSequence(bytes: Uint8Array, at: number): SqlError {
  const shown = [...bytes.subarray(at, at + sequenceLength(bytes[at] ?? 0))]
    .map((b) => `0x${b.toString(16).padStart(2, '0')}`)
    .join(' ');
  return new SqlError('22021', `invalid byte sequence for encoding "UTF8": ${shown}`);
}

/** Offset of the first sequence that is not valid. */
function firstInvalid(bytes: Uint8Array): number {
  let i = 0;
  while (i < bytes.length) {
    const length = sequenceLength(bytes[i] ?? 0);
    if (i + length > bytes.length || !isUtf8(bytes.subarray(i, i + length))) return i;
    i += length;
  }
  return i;
}
