/**
 * The heap, where the rows of a result and the writes of a transaction wait until they are complete: a statement that would
 * fill it is refused, so that the server and everybody else's statements live on.
 */
import { getHeapStatistics } from 'node:v8';
import { SqlError } from '../../common/sqlError.ts';

/** Of the most that the heap may take. */
const MOST = 0.8;

export interface HeapUse {
  readonly used: number;
  readonly limit: number;
}

function heapUse(): HeapUse {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return { used, limit };
}

/** SqlError 53200 when what is collected until a statement or transaction ends leaves too little room. */
export function checkHeap(collecting: string, { used, limit }: HeapUse = heapUse()): void {
  if (used <= limit * MOST) return;
  throw new SqlError('53200', 'out of memory', {
    detail: `The server uses ${Math.round(used / 2 ** 20)} MB of the ${Math.round(limit / 2 ** 20)} MB that it has for ${collecting} and other values that are not state.`,
    hint: 'Work in smaller parts, or give it more: NODE_OPTIONS=--max-old-space-size=<MB>.',
  });
}
