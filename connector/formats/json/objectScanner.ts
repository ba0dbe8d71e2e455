/**
 * The fast path over a JSON object of known fields: a function generated for the keys in the order in which they came in a first
 * message. It compares the key at hand with the one expected, character by character, and reads the value with the field's reader;
 * a key that is left out is passed over, and one that comes out of turn sends the rest of the object to a loop that looks keys up.
 * When that happens often the function is generated anew for the order of now.
 *
 * Fields seen are bits of two masks, so that missing and unknown fields cost a comparison an object; each distinct outcome is told
 * once a batch. Invariant: -1, or exactly the row that the full parser would give.
 */
import type { Value } from '../../../common/value.ts';
import type { JsonContext } from './forms.ts';
import { cursor, type Reader, readString, skipSpace, skipValue } from './scanner.ts';

const MAX_STEPS = 60;
const STEPS_PER_MASK = 30;
const MISSES_TO_LEARN = 64;
const MAX_LEARNINGS = 8;
const MAX_KNOWN_KEYS = 1000;
const MAX_KEY = 128;
const UNKNOWN = -1;

export interface ScanField {
  readonly name: string;
  /** Of its value in the row. */
  readonly index: number;
  /** It may be missing without being missed. */
  readonly optional: boolean;
  readonly read: Reader;
}

export interface ObjectScanner {
  /** Reads the object whose brace is at `at` into the row. After it, or -1. */
  scan(text: string, at: number, row: Value[]): number;
  /** A new batch: what was told may be told again. */
  reset(): void;
}

type Scan = (text: string, at: number, row: Value[]) => number;
type Resume = (text: string, at: number, row: Value[], mask0: number, mask1: number) => number;

/** A key of the expected order; `field` UNKNOWN: its value is skipped. */
interface Step {
  readonly key: string;
  readonly field: number;
}

const SPACE = (character: string, place: string): string =>
  `while (${character} === 32 || ${character} === 10 || ${character} === 13 || ${character} === 9) ${character} = t.charCodeAt(++${place});`;

function stepCode(step: Step, s: number): string {
  const quoted = `"${step.key}"`;
  const test = Array.from(
    { length: quoted.length },
    // The opening quote is what all keys share: it is looked at last.
    (_, i) =>
      `t.charCodeAt(at + ${(i + 1) % quoted.length}) === ${quoted.charCodeAt((i + 1) % quoted.length)}`,
  ).join(' && ');
  const mask = s < STEPS_PER_MASK ? 'm0' : 'm1';
  const value =
    step.field === UNKNOWN
      ? 'at = skip(t, at, 0); if (at < 0) return -1;'
      : `row[index${step.field}] = read${step.field}(t, at); at = cursor.at; if (at < 0) return -1;`;
  return `if (${test}) {
    at += ${quoted.length};
    c = t.charCodeAt(at); ${SPACE('c', 'at')}
    if (c !== 58) return -1;
    c = t.charCodeAt(++at); ${SPACE('c', 'at')}
    ${value}
    ${mask} |= ${1 << (s % STEPS_PER_MASK)};
    c = t.charCodeAt(at); ${SPACE('c', 'at')}
    if (c === 44) { c = t.charCodeAt(++at); ${SPACE('c', 'at')} }
    else if (c === 125) { if (m0 !== E0 || m1 !== E1) note(m0, m1); return at + 1; }
    else return -1;
  }`;
}

function masks(steps: readonly Step[], has: (step: Step) => boolean): readonly [number, number] {
  const found: [number, number] = [0, 0];
  steps.forEach((step, s) => {
    if (has(step)) found[s < STEPS_PER_MASK ? 0 : 1] |= 1 << (s % STEPS_PER_MASK);
  });
  return found;
}

function generate(
  fields: readonly ScanField[],
  steps: readonly Step[],
  resume: Resume,
  note: (mask0: number, mask1: number) => void,
  complete: boolean,
): Scan {
  // Bits of all known steps and no others; never equal while a field is in no step.
  const [e0, e1] = complete ? masks(steps, (step) => step.field !== UNKNOWN) : [-1, -1];
  const body = `"use strict";
  ${fields.map((_, f) => `const read${f} = fields[${f}].read, index${f} = fields[${f}].index;`).join('\n')}
  return (t, at, row) => {
    let m0 = 0, m1 = 0, c = t.charCodeAt(++at); ${SPACE('c', 'at')}
    if (c === 125) { note(0, 0); return at + 1; }
    ${steps.map(stepCode).join('\n')}
    return resume(t, at, row, m0, m1);
  };`;
  const make = new Function('fields', 'cursor', 'skip', 'resume', 'note', 'E0', 'E1', body) as (
    ...given: readonly unknown[]
  ) => Scan;
  return make(fields, cursor, skipValue, resume, note, e0, e1);
}

/** `path` goes before the names of fields in what is told. */
export function objectScanner(
  fields: readonly ScanField[],
  path: string,
  context: Pick<JsonContext, 'drift'>,
): ObjectScanner {
  const byName = new Map(fields.map((field, f) => [field.name, f]));
  const folded = new Map<string, number>();
  fields.forEach((field, f) => {
    const name = field.name.toLowerCase();
    if (!folded.has(name)) folded.set(name, f);
  });
  const keys = new Map<string, number>();
  /** Of the object at hand, in the loop: 1 came by its name, 2 by a name that differs in case. */
  const seen = new Uint8Array(fields.length);
  const told = new Set<string>();
  let steps: readonly Step[] = [];
  let learning: Step[] | null = [];
  let misses = 0;
  let learnings = 0;

  const lookUp = (key: string): number => {
    const known = keys.get(key);
    if (known !== undefined) return known;
    const field = byName.get(key) ?? folded.get(key.toLowerCase()) ?? UNKNOWN;
    if (keys.size < MAX_KNOWN_KEYS) keys.set(key, field);
    return field;
  };
  const missing = (field: ScanField): void => {
    if (!field.optional) context.drift('missing field', path + field.name);
  };
  const note = (mask0: number, mask1: number): void => {
    const outcome = `${mask0},${mask1}`;
    if (told.has(outcome)) return;
    told.add(outcome);
    const came = new Set<number>();
    steps.forEach((step, s) => {
      if ((((s < STEPS_PER_MASK ? mask0 : mask1) >> (s % STEPS_PER_MASK)) & 1) === 0) return;
      if (step.field === UNKNOWN) context.drift('unknown field', path + step.key);
      else came.add(step.field);
    });
    fields.forEach((field, f) => {
      if (!came.has(f)) missing(field);
    });
  };
  const learn = (order: readonly Step[]): void => {
    const used = new Set<number>();
    const chosen: Step[] = [];
    for (const step of order.slice(0, MAX_STEPS)) {
      if (step.key.length > MAX_KEY) continue;
      if (step.field !== UNKNOWN && used.has(step.field)) break;
      used.add(step.field);
      chosen.push(step);
    }
    steps = chosen;
    told.clear();
    scan = generate(fields, chosen, resume, note, used.size - (used.has(UNKNOWN) ? 1 : 0) === fields.length);
    learnings++;
    misses = 0;
  };

  /** Marks what the generated steps have read. */
  const begin = (mask0: number, mask1: number): void => {
    seen.fill(0);
    steps.forEach((step, s) => {
      if ((((s < STEPS_PER_MASK ? mask0 : mask1) >> (s % STEPS_PER_MASK)) & 1) === 0) return;
      learning?.push(step);
      if (step.field === UNKNOWN) context.drift('unknown field', path + step.key);
      else seen[step.field] = fields[step.field]?.name === step.key ? 1 : 2;
    });
  };
  /** Reads one value; after it, or -1. */
  const value = (text: string, at: number, key: string, row: Value[]): number => {
    const f = lookUp(key);
    const field = fields[f];
    if (learning !== null && learning.length < MAX_STEPS) learning.push({ key, field: f });
    if (field === undefined) {
      context.drift('unknown field', path + key);
      return skipValue(text, at, 0);
    }
    const exact = field.name === key;
    if (!exact && seen[f] === 1) return skipValue(text, at, 0);
    // Two names that differ from the column's in case only: which one counts is for the full parser to say.
    if (!exact && seen[f] === 2) return -1;
    seen[f] = exact ? 1 : 2;
    row[field.index] = field.read(text, at);
    return cursor.at;
  };
  const finish = (): void => {
    fields.forEach((field, f) => {
      if (seen[f] === 0) missing(field);
    });
    if (learning !== null) {
      learn(learning);
      learning = null;
    } else if (learnings < MAX_LEARNINGS && ++misses >= MISSES_TO_LEARN) learning = [];
  };
  /** The loop for keys in any order, from the key at `start` on. */
  const resume: Resume = (text, start, row, mask0, mask1) => {
    if (learning !== null) learning = [];
    begin(mask0, mask1);
    for (let at = start; ; at = skipSpace(text, at + 1)) {
      const key = readString(text, at);
      if (key === null) return -1;
      const plain = cursor.at - at === key.length + 2;
      at = skipSpace(text, cursor.at);
      if (text.charCodeAt(at) !== 58) return -1;
      at = skipSpace(text, at + 1);
      const before = learning?.length ?? 0;
      at = value(text, at, key, row);
      // A key with escapes is not learnt: its text is not known.
      if (!plain) learning?.splice(before);
      if (at < 0) return -1;
      at = skipSpace(text, at);
      const c = text.charCodeAt(at);
      if (c === 125) {
        finish();
        return at + 1;
      }
      if (c !== 44) return -1;
    }
  };
  let scan: Scan = generate(fields, steps, resume, note, false);
  return {
    scan: (text, at, row) => scan(text, at, row),
    reset: () => told.clear(),
  };
}
