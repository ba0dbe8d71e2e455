/** Small helpers of the random tests of event time. */

/** Pseudo-random integers below `n`, by seed. */
export function generator(seed: number): (n: number) => number {
  let state = (Math.imul(seed, 2654435761) + 12345) >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** The list cut into pieces of one to `most`. */
export function cut<T>(list: readonly T[], most: number, random: (n: number) => number): T[][] {
  const pieces: T[][] = [];
  for (let at = 0; at < list.length; ) {
    const size = 1 + random(most);
    pieces.push(list.slice(at, at + size));
    at += size;
  }
  return pieces;
}

/** One order of all items that keeps each list's own. */
export function interleave<T>(lists: readonly (readonly T[])[], random: (n: number) => number): T[] {
  const left = lists.map((list) => [...list]);
  const merged: T[] = [];
  for (;;) {
    const open = left.filter((list) => list.length > 0);
    const next = open[random(open.length)]?.shift();
    if (next === undefined) return merged;
    merged.push(next);
  }
}
