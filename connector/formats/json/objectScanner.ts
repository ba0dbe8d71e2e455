/**
 * The fast path over a JSON object of known fields: a function generated for the keys in the order in which they came in a first
 * message. It compares the key at hand with the one expected and reads the value with the field's reader; a key that is left out is
 * passed over, and one that comes out of turn sends the rest of the object to a loop that looks keys up. When that happens often the
 * function is generated anew for the order of now. Where texts come from and where values go is the `ScanInput`'s affair: text and
 * rows (textInput.ts), or bytes and columns (byteScanner.ts).
 *
 * Fields seen are bits of two masks, so that missing and unknown fields cost a comparison an object; each distinct outcome is told
 * once a batch. Invariant: -1, or exactly the row that the full parser would give.
 */
import type { JsonContext } from './forms.ts';
import { cursor } from './scanner.ts';

const MAX_STEPS = 60;
const STEPS_PER_MASK = 30;
const MISSES_TO_LEARN = 64;
const MAX_LEARNINGS = 8;
const MAX_KNOWN_KEYS = 1000;
const MAX_KEY = 128;
const MAX_OUTCOMES = 1000;
const UNKNOWN = -1;

/** A field of objects, and what the input needs to read it. */
export interface ScanField<F> {
  readonly name: string;
  /** It may be missing without being missed. */
  readonly optional: boolean;
  readonly of: F;
}

/** What an object is read from (T), and where its values go (R). Readers leave the place after a value in `cursor.at`, or -1. */
export interface ScanInput<T, R, F> {
  /** Code before the first key: of `t`, the text, `at` and `row`. */
  readonly prologue: string;
  /** Code of the character at a place. */
  codeAt(place: string): string;
  /** Code that says whether the ASCII or other text `quoted` is at `at`; null: it cannot be told that way. */
  isAt(quoted: string): string | null;
  /** Characters or bytes of a key in the text. */
  lengthOf(key: string): number;
  /** Constants that reading field f needs, as code: of `of`, its `of`. */
  constants(f: number, of: string): string;
  /** Code that reads field f at `at`. */
  readCode(f: number): string;
  read(field: F, text: T, at: number, row: R): void;
  /** The object has no such field. */
  absent(field: F, row: R): void;
  /** A field that comes twice has its last value; else the object is not for the scanner. */
  readonly takesRepeats: boolean;
  charCode(text: T, at: number): number;
  readString(text: T, at: number): string | null;
  skipSpace(text: T, at: number): number;
  skipValue(text: T, at: number, depth: number): number;
}

export interface ObjectScanner<T, R> {
  /** Reads the object whose brace is at `at` into the row. After it, or -1. */
  scan(text: T, at: number, row: R): number;
  /** A new batch: what was told may be told again. */
  reset(): void;
}

type Scan<T, R> = (text: T, at: number, row: R) => number;
type Resume<T, R> = (text: T, at: number, row: R, mask0: number, mask1: number) => number;
type Note<R> = (mask0: number, mask1: number, row: R) => void;

/** A key of the expected order; `field` UNKNOWN: its value is skipped. */
interface Step {
  readonly key: string;
  readonly field: number;
}

function stepCode<T, R, F>(input: ScanInput<T, R, F>, step: Step, s: number): string {
  const quoted = `"${step.key}"`;
  const next = input.codeAt('++at');
  const space = `while (c === 32 || c === 10 || c === 13 || c === 9) c = ${next};`;
  const mask = s < STEPS_PER_MASK ? 'm0' : 'm1';
  const value =
    step.field === UNKNOWN ? 'at = skip(t, at, 0);' : `${input.readCode(step.field)} at = cursor.at;`;
  return `if (${input.isAt(quoted)}) {
    at += ${input.lengthOf(quoted)};
    c = ${input.codeAt('at')}; ${space}
    if (c !== 58) return -1;
    c = ${next}; ${space}
    ${value} if (at < 0) return -1;
    ${mask} |= ${1 << (s % STEPS_PER_MASK)};
    c = ${input.codeAt('at')}; ${space}
    if (c === 44) { c = ${next}; ${space} }
    else if (c === 125) { if (m0 !== E0 || m1 !== E1) note(m0, m1, row); return at + 1; }
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

/** The steps that the masks mark. */
function* marked(steps: readonly Step[], mask0: number, mask1: number): Generator<Step> {
  for (const [s, step] of steps.entries()) {
    if ((((s < STEPS_PER_MASK ? mask0 : mask1) >> (s % STEPS_PER_MASK)) & 1) === 1) yield step;
  }
}

function generate<T, R, F>(
  input: ScanInput<T, R, F>,
  fields: readonly ScanField<F>[],
  steps: readonly Step[],
  resume: Resume<T, R>,
  note: Note<R>,
  complete: boolean,
): Scan<T, R> {
  // Bits of all known steps and no others; never equal while a field is in no step.
  const [e0, e1] = complete ? masks(steps, (step) => step.field !== UNKNOWN) : [-1, -1];
  const next = input.codeAt('++at');
  const body = `"use strict";
  ${fields.map((_, f) => `const ${input.constants(f, `fields[${f}].of`)};`).join('\n')}
  return (t, at, row) => {
    ${input.prologue}
    let m0 = 0, m1 = 0, c = ${next};
    while (c === 32 || c === 10 || c === 13 || c === 9) c = ${next};
    if (c === 125) { note(0, 0, row); return at + 1; }
    ${steps.map((step, s) => stepCode(input, step, s)).join('\n')}
    return resume(t, at, row, m0, m1);
  };`;
  const make = new Function('fields', 'cursor', 'skip', 'resume', 'note', 'E0', 'E1', body) as (
    ...given: readonly unknown[]
  ) => Scan<T, R>;
  return make(fields, cursor, input.skipValue, resume, note, e0, e1);
}

/** `path` goes before the names of fields in what is told. */
export function objectScanner<T, R, F>(
  input: ScanInput<T, R, F>,
  fields: readonly ScanField<F>[],
  path: string,
  context: Pick<JsonContext, 'drift'>,
): ObjectScanner<T, R> {
  const byName = new Map(fields.map((field, f) => [field.name, f]));
  const folded = new Map<string, number>();
  fields.forEach((field, f) => {
    const name = field.name.toLowerCase();
    if (!folded.has(name)) folded.set(name, f);
  });
  const keys = new Map<string, number>();
  /** Of the object at hand, in the loop: 1 came by its name, 2 by a name that differs in case. */
  const seen = new Uint8Array(fields.length);
  /** Fields that are missing, by the masks of the steps that came. */
  const told = new Map<string, readonly ScanField<F>[]>();
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
  const missing = (field: ScanField<F>): void => {
    if (!field.optional) context.drift('missing field', path + field.name);
  };
  const tell = (mask0: number, mask1: number): readonly ScanField<F>[] => {
    const came = new Set<number>();
    for (const step of marked(steps, mask0, mask1)) {
      if (step.field === UNKNOWN) context.drift('unknown field', path + step.key);
      else came.add(step.field);
    }
    const lacking = fields.filter((_, f) => !came.has(f));
    lacking.forEach(missing);
    return lacking;
  };
  const note: Note<R> = (mask0, mask1, row) => {
    const outcome = `${mask0},${mask1}`;
    let lacking = told.get(outcome);
    if (lacking === undefined) {
      lacking = tell(mask0, mask1);
      if (told.size < MAX_OUTCOMES) told.set(outcome, lacking);
    }
    for (const field of lacking) input.absent(field.of, row);
  };
  const learn = (order: readonly Step[]): void => {
    const used = new Set<number>();
    const chosen: Step[] = [];
    for (const step of order.slice(0, MAX_STEPS)) {
      if (step.key.length > MAX_KEY || input.isAt(`"${step.key}"`) === null) continue;
      if (step.field !== UNKNOWN && used.has(step.field)) break;
      used.add(step.field);
      chosen.push(step);
    }
    steps = chosen;
    told.clear();
    const complete = used.size - (used.has(UNKNOWN) ? 1 : 0) === fields.length;
    scan = generate(input, fields, chosen, resume, note, complete);
    learnings++;
    misses = 0;
  };

  /** Marks what the generated steps have read. */
  const begin = (mask0: number, mask1: number): void => {
    seen.fill(0);
    for (const step of marked(steps, mask0, mask1)) {
      learning?.push(step);
      if (step.field === UNKNOWN) context.drift('unknown field', path + step.key);
      else seen[step.field] = fields[step.field]?.name === step.key ? 1 : 2;
    }
  };
  /** Reads one value; after it, or -1. */
  const value = (text: T, at: number, key: string, row: R): number => {
    const f = lookUp(key);
    const field = fields[f];
    if (learning !== null && learning.length < MAX_STEPS) learning.push({ key, field: f });
    if (field === undefined) {
      context.drift('unknown field', path + key);
      return input.skipValue(text, at, 0);
    }
    const exact = field.name === key;
    if (seen[f] !== 0 && !input.takesRepeats) return -1;
    if (!exact && seen[f] === 1) return input.skipValue(text, at, 0);
    // Two names that differ from the column's in case only: which one counts is for the full parser to say.
    if (!exact && seen[f] === 2) return -1;
    seen[f] = exact ? 1 : 2;
    input.read(field.of, text, at, row);
    return cursor.at;
  };
  const finish = (row: R): void => {
    fields.forEach((field, f) => {
      if (seen[f] !== 0) return;
      missing(field);
      input.absent(field.of, row);
    });
    if (learning !== null) {
      learn(learning);
      learning = null;
    } else if (learnings < MAX_LEARNINGS && ++misses >= MISSES_TO_LEARN) learning = [];
  };
  /** The loop for keys in any order, from the key at `start` on. */
  const resume: Resume<T, R> = (text, start, row, mask0, mask1) => {
    if (learning !== null) learning = [];
    begin(mask0, mask1);
    for (let at = start; ; at = input.skipSpace(text, at + 1)) {
      const key = input.readString(text, at);
      if (key === null) return -1;
      const plain = cursor.at - at === input.lengthOf(key) + 2;
      at = input.skipSpace(text, cursor.at);
      if (input.charCode(text, at) !== 58) return -1;
      at = input.skipSpace(text, at + 1);
      const before = learning?.length ?? 0;
      at = value(text, at, key, row);
      // A key with escapes is not learnt: its text is not known.
      if (!plain) learning?.splice(before);
      if (at < 0) return -1;
      at = input.skipSpace(text, at);
      const c = input.charCode(text, at);
      if (c === 125) {
        finish(row);
        return at + 1;
      }
      if (c !== 44) return -1;
    }
  };
  let scan: Scan<T, R> = generate(input, fields, steps, resume, note, false);
  return {
    scan: (text, at, row) => scan(text, at, row),
    reset: () => told.clear(),
  };
}
