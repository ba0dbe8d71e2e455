import { describe, expect, it } from 'vitest';
import { checkHeap } from '../../../server/memory/heap.ts';

describe('the heap', () => {
  it('is not filled by one statement', () => {
    const limit = 4096 * 2 ** 20;
    expect(() => checkHeap('rows of results', { used: limit / 2, limit })).not.toThrow();
    expect(() => checkHeap('rows of results', { used: limit * 0.9, limit })).toThrow(
      expect.objectContaining({
        state: '53200',
        detail:
          'The server uses 3686 MB of the 4096 MB that it has for rows of results and other values that are not state.',
      }),
    );
  });
});
