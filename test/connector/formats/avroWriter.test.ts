/** The writer of Avro's binary encoding: whatever is written when its buffer grows is there. */
import { expect, it } from 'vitest';
import { Tap } from '../../../connector/formats/avro/tap.ts';
import { AvroWriter } from '../../../connector/formats/avro/writer.ts';

it('keeps what it writes while it grows', () => {
  for (let before = 240; before < 260; before++) {
    const writer = new AvroWriter();
    writer.raw(new Uint8Array(before).fill(7));
    writer.long(-3_000_000_000_000n);
    writer.boolean(true);
    writer.string('x'.repeat(300));
    writer.long(5n);
    const bytes = writer.take();
    const tap = new Tap();
    tap.open(bytes, before);
    expect([tap.long(), tap.boolean(), tap.string().length, tap.long()]).toEqual([
      -3_000_000_000_000n,
      true,
      300,
      5n,
    ]);
    expect(tap.at).toBe(bytes.length);
  }
});
