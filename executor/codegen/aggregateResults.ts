/** The part of the aggregate's program that turns accumulators into results, remembers old ones and emits changes. */
import { must } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import { physicalKind } from '../../common/dataType.ts';
import { zeroOf } from '../../common/function.ts';
import type { CallLayout } from '../operators/aggregateLayout.ts';
import type { CallStates, State } from '../operators/aggregateStates.ts';
import type { TickContext } from '../operators/operator.ts';
import type { AggregateProgram } from './aggregateLoop.ts';
import { chunkCapacity, newArray } from './calc.ts';
import type { Emitter } from './emitter.ts';
import { locate } from './rowFailure.ts';
import { sameBoxed } from './typeOperations.ts';

/** Touched groups whose old results are kept in arrays that are not given back. */
const KEPT_TOUCHED = 16384;

/** Copies a grown array's contents. */
function grown(name: string, type: DataType | 'bytes' | 'slots'): string {
  const fresh =
    type === 'bytes' ? 'new Uint8Array(n)' : type === 'slots' ? 'new Int32Array(n)' : newArray(type, 'n');
  return `{ const a = ${fresh}; for (let i = 0; i < nt; i++) a[i] = ${name}[i]; ${name} = a; }`;
}

/**
 * Declares `ctx`, `touched`, `nt`, `touch(slot)` and `flush(tick, sink)`.
 *
 * Old results lie in A<x> (NULL flags in B<x>) by position in `touched`; `had`: the group had a result. Output arrays
 * are D<x>, N<x>, with slots OS and weights OW.
 */
export function resultsProgram(program: AggregateProgram, emitter: Emitter): string {
  const columns = program.calls.map((_, x) => must(program.output[x]).type);
  const old = columns.map((type, x) => `A${x} = ${newArray(type, '16')}, B${x} = new Uint8Array(16)`);
  const grow = [
    grown('touched', 'slots'),
    grown('had', 'bytes'),
    ...columns.flatMap((type, x) => [grown(`A${x}`, type), grown(`B${x}`, 'bytes')]),
  ];
  const reset = columns
    .map((type, x) => `A${x} = ${newArray(type, '16')}; B${x} = new Uint8Array(16);`)
    .join(' ');
  const declare = ['touched = new Int32Array(16)', 'had = new Uint8Array(16)', ...old].join(', ');
  const copyOld = columns.map((_, x) => `A${x}[nt] = r${x}; B${x}[nt] = q${x} ? 1 : 0;`).join(' ');
  const rows = `${emitter.constant(program.groups.rows.blocks)}[b][k]`;
  return `let ctx = null, running = null, nt = 0, emitted = false, ${declare};
const growTouched = () => {
const n = touched.length * 2;
${grow.join('\n')}
};
const touch = (s) => {
if (nt === touched.length) growTouched();
const b = s >>> 13, k = s & 8191;
touched[nt] = s;
had[nt] = 0;
if (${program.global ? 'emitted' : `${rows} > 0`}) {
${computeResults(program, emitter)}
if (failure === null) { had[nt] = 1; ${copyOld} }
else ${program.retracts ? reportGroup(program, '-1', emitter) : `${emitter.constant(locate)}(failure, -1);`}
}
nt++;
};
${flushProgram(program, columns, rows, emitter)}
const forget = () => {
if (nt > ${KEPT_TOUCHED}) { touched = new Int32Array(16); had = new Uint8Array(16); ${reset} }
nt = 0;
};`;
}

/** A statement that reports group `s`, whose result fails with `failure`, or takes the report back. */
function reportGroup(program: AggregateProgram, weight: '1' | '-1', emitter: Emitter): string {
  const { operator, keys } = program;
  const report = (failure: unknown, slot: number, sign: number, tick: TickContext): void =>
    tick.rowError(locate(failure, -1), sign, operator, keys.row(slot), keys.schema);
  return `${emitter.constant(report)}(failure, s, ${weight}, running);`;
}

/** Statements that set r<x>, q<x> (NULL) from the states of the group at b, k; `failure` holds an error. */
function computeResults(program: AggregateProgram, emitter: Emitter): string {
  const declare = program.calls.map((_, x) => {
    const zero = zeroOf[physicalKind(must(program.output[x]).type)];
    return `let r${x} = ${zero}, q${x} = false;`;
  });
  const bodies = program.calls.map((call, x) => {
    const states = must(program.groups.calls[x]);
    const zero = zeroOf[physicalKind(must(program.output[x]).type)];
    return states.cached === null
      ? linearResult(program, call, states, x, zero, emitter)
      : cachedResult(states.cached.value, states.cached.flag, states.cached.errors, x, emitter);
  });
  return `let failure = null;
${declare.join('\n')}
try {
${bodies.join('\n')}
} catch (error) { failure = error; }`;
}

function linearResult(
  program: AggregateProgram,
  layout: CallLayout,
  states: CallStates,
  x: number,
  zero: string,
  emitter: Emitter,
): string {
  if (layout.form !== 'linear' && layout.form !== 'linearDistinct') return '';
  const { linear } = layout;
  const loads = states.accumulators.map((state) => {
    const name = emitter.temp();
    return { name, text: `const ${name} = ${emitter.constant(state.blocks)}[b][k];` };
  });
  const counter = states.count ?? program.groups.rows;
  const count = emitter.temp();
  const result = linear.result(
    loads.map(({ name }) => name),
    count,
    emitter,
  );
  const value = `r${x} = ${result}; if (r${x} === null) { q${x} = true; r${x} = ${zero}; }`;
  const empty = emptyCode(linear, x, zero, emitter);
  const mayBeEmpty = states.count !== null || program.global;
  return `{
const ${count} = ${emitter.constant(counter.blocks)}[b][k];
${loads.map(({ text }) => text).join('\n')}
${mayBeEmpty ? `if (${count} === 0) { ${empty} } else { ${value} }` : value}
}`;
}

function cachedResult(
  value: State,
  flag: State,
  errors: ReadonlyMap<number, unknown>,
  x: number,
  emitter: Emitter,
): string {
  const has = emitter.temp();
  return `{
const ${has} = ${emitter.constant(flag.blocks)}[b][k];
if (${has} === 1) r${x} = ${emitter.constant(value.blocks)}[b][k];
else if (${has} === 0) q${x} = true;
else throw ${emitter.constant(errors)}.get(s);
}`;
}

/** A boolean expression: old result x at t and the new one are the very same. */
function unchanged(type: DataType, x: number, emitter: Emitter): string {
  const a = physicalKind(type) === 'bool' ? `(A${x}[t] !== 0)` : `A${x}[t]`;
  const same =
    physicalKind(type) === 'boxed'
      ? `${emitter.constant(sameBoxed)}(${a}, r${x})`
      : physicalKind(type) === 'f64'
        ? `Object.is(${a}, r${x})`
        : `${a} === r${x}`;
  return `(B${x}[t] !== 0 ? q${x} : !q${x} && ${same})`;
}

function flushProgram(
  program: AggregateProgram,
  columns: readonly DataType[],
  rows: string,
  emitter: Emitter,
): string {
  const declare = columns.map((_, x) => `, D${x} = null, N${x} = null`).join('');
  const grow = columns
    .map((type, x) => `D${x} = ${newArray(type, 'n')}; N${x} = new Uint8Array(n);`)
    .join(' ');
  const vectors = columns.map((type, x) => `{ kind: '${physicalKind(type)}', data: D${x}, nulls: N${x} }`);
  const write = (value: (x: number) => string): string => columns.map((_, x) => value(x)).join(' ');
  const oldRow = write((x) => `D${x}[o] = A${x}[t]; N${x}[o] = B${x}[t];`);
  const newRow = write((x) => `D${x}[o] = r${x}; N${x}[o] = q${x} ? 1 : 0;`);
  const same = columns.map((type, x) => unchanged(type, x, emitter)).join(' && ') || 'true';
  const capacity = emitter.constant(chunkCapacity);
  return `let cap = 0, OS = null, OW = null${declare};
const growOutput = (n) => { cap = n; OS = new Int32Array(n); OW = new Int32Array(n); ${grow} };
const flush = (tick, sink) => {
ctx = tick.eval; running = tick;
if (cap < ${capacity}(nt * 2)) growOutput(${capacity}(nt * 2));
let o = 0;
for (let t = 0; t < nt; t++) {
const s = touched[t], b = s >>> 13, k = s & 8191, h = had[t] !== 0;
let alive = ${program.global ? 'true' : `${rows} > 0`};
${computeResults({ ...program }, emitter).replace('try {', 'if (alive) try {')}
if (failure !== null) { alive = false; ${reportGroup(program, '1', emitter)} }
if (h && alive && ${same}) continue;
if (h) {
${oldRow}
OS[o] = s; OW[o] = -1;
if (++o === cap) { sink(o, OS, [${vectors.join(', ')}], OW); o = 0; }
}
if (alive) {
${newRow}
OS[o] = s; OW[o] = 1;
if (++o === cap) { sink(o, OS, [${vectors.join(', ')}], OW); o = 0; }
}
}
emitted = true;
if (o > 0) sink(o, OS, [${vectors.join(', ')}], OW);
forget();
};`;
}

/** Statements that set the result over no rows. */
function emptyCode(
  linear: Extract<CallLayout, { readonly form: 'linear' }>['linear'],
  x: number,
  zero: string,
  emitter: Emitter,
): string {
  if (linear.emptyValue !== undefined) {
    return `r${x} = ${emitter.constant(linear.emptyValue)}(); if (r${x} === null) { q${x} = true; r${x} = ${zero}; }`;
  }
  return linear.emptyResult === undefined ? `q${x} = true;` : `r${x} = ${linear.emptyResult};`;
}
