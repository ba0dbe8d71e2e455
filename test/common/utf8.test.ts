import { describe, expect, it } from 'vitest';
import { decodeUtf8 } from '../../common/utf8.ts';

describe('decodeUtf8', () => {
  it('decodes a part of the bytes', () => {
    expect(decodeUtf8(Buffer.from('aé😀b'), 1, 7)).toBe('é😀');
    expect(decodeUtf8(new Uint8Array(0))).toBe('');
  });

  const invalid: readonly (readonly [string, string])[] = [
    ['61ff62', '0xff'],
    ['6180', '0x80'],
    ['c328', '0xc3 0x28'],
    ['e228a1', '0xe2 0x28 0xa1'],
    ['f09f98', '0xf0 0x9f 0x98'],
    ['c080', '0xc0 0x80'],
    ['eda080', '0xed 0xa0 0x80'],
    ['f5808080', '0xf5 0x80 0x80 0x80'],
    ['c3a900', '0x00'],
  ];
  it.each(invalid)('%s is refused with the bytes', (hex, shown) => {
    expect(() => decodeUtf8(Buffer.from(hex, 'hex'))).toThrow(
      `invalid byte sequence for encoding "UTF8": ${shown}`,
    );
  });
});
