import { describe, expect, it } from 'vitest';
import { buffersCount } from '../../bin/bufferMemory.ts';

describe('the memory of buffers', () => {
  it('counts as the heap up to its limit, and again when it is well below', () => {
    expect(buffersCount(0, 100, false)).toBe(true);
    expect(buffersCount(79, 100, false)).toBe(true);
    expect(buffersCount(90, 100, false)).toBe(false);
    expect(buffersCount(90, 100, true)).toBe(true);
    expect(buffersCount(101, 100, true)).toBe(false);
  });
});
