/**
 * How V8 counts the memory of array buffers, in which state lies. By default it collects the whole heap whenever 64 MB of them have been
 * made since the last time, which for a server that takes rows in is several times a second. When they count as part of the heap it
 * does so when heap and buffers together have grown by a share of what they are (bench/README.md has the figures). That holds only as
 * long as they are not a multiple of what the heap may be: beyond that V8 finds the heap full at every turn and does nothing but
 * collect (measured: 11 GB of buffers with a heap of 4.5 GB, 68 times slower). So from the heap's limit on they do not count.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

const CHECK_MS = 1000;
/** Below this share of the limit they count again. */
const AGAIN = 0.8;

/** Whether buffers are to count; all sizes in bytes. `before`: whether they do now. */
export function buffersCount(buffers: number, heapLimit: number, before: boolean): boolean {
  if (buffers > heapLimit) return false;
  return before || buffers < AGAIN * heapLimit;
}

/** Sees to it for this process, from now on. */
export function countBuffers(): void {
  let counts = false;
  const check = (): void => {
    const { external_memory: buffers, heap_size_limit: heapLimit } = getHeapStatistics();
    const now = buffersCount(buffers, heapLimit, counts);
    if (now !== counts) setFlagsFromString(`--${now ? '' : 'no-'}external-memory-accounted-in-global-limit`);
    counts = now;
  };
  check();
  setInterval(check, CHECK_MS).unref();
}
