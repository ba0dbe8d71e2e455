/**
 * Lists of blocks some of which may be away (residency.ts). An entry that is away is a hole of the array, and reading a hole goes
 * on to the prototype, which fetches the block: so every reader, generated code too, finds it without knowing of it, and
 * reading what is there costs nothing more.
 *
 * Loops that will meet holes often had better call `BlockMarks.need` before: engines give up the fastest access at places of
 * the code where holes have been read.
 */
import { assert } from '../../common/assert.ts';

type Fetch = (b: number) => void;

const fetchers = new WeakMap<object, Fetch>();

function indexOf(property: string | symbol): number {
  if (typeof property === 'symbol') return -1;
  const index = Number(property);
  return Number.isInteger(index) && index >= 0 ? index : -1;
}

const holes = new Proxy(Array.prototype as object, {
  get(target, property, receiver: object) {
    const b = indexOf(property);
    if (b < 0) return Reflect.get(target, property, receiver);
    if (!Array.isArray(receiver) || b >= receiver.length) return undefined;
    fetchers.get(receiver)?.(b);
    assert(Object.hasOwn(receiver, b), 'a block that is away can be fetched');
    return receiver[b] as unknown;
  },
  // What is assigned to a hole belongs to the array itself.
  set(_target, property, value, receiver) {
    return Reflect.defineProperty(receiver, property, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  },
});

const prototype = Object.create(holes) as object;

/** An empty list; `fetch` puts the entry that is read back into it. */
export function blockList<T>(fetch: Fetch): T[] {
  const list: T[] = [];
  Object.setPrototypeOf(list, prototype);
  fetchers.set(list, fetch);
  return list;
}

/** Makes a hole of entry b, which may lie behind the end. */
export function makeHole(list: unknown[], b: number): void {
  if (b >= list.length) list.length = b + 1;
  else delete list[b];
}

/** The sum of `size` over the entries that are there. */
export function sumPresent<T>(list: readonly T[], size: (block: T) => number): number {
  let sum = 0;
  // Leaves holes out.
  list.forEach((block) => {
    sum += size(block);
  });
  return sum;
}
