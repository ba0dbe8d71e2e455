/**
 * Filter and projection as one generated loop over a batch.
 *
 * Without a condition no row is dropped, so columns that are passed on share the input's vectors and only computed
 * columns are written; a row whose expression fails is marked and taken out afterwards. With a condition the rows that
 * pass are written to output arrays in chunks. Output arrays belong to the loop and are used again for every batch.
 */
import { must } from '../../common/assert.ts';
import type { DataType, Schema } from '../../common/dataType.ts';
import { physicalKind } from '../../common/dataType.ts';
import { zeroOf } from '../../common/function.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import { BATCH_ROWS, type Batch, type Vector } from '../batch.ts';
import type { Emit, TickContext } from '../operators/operator.ts';
import { ColumnInput } from './columnInput.ts';
import { emitScalar, emitUnlessTrue } from './emitScalar.ts';
import { type Code, Emitter } from './emitter.ts';
import { instantiate } from './program.ts';
import { emitRowReport } from './rowFailure.ts';

/** Computes one batch and hands the result on. */
export type CalcLoop = (batch: Batch, tick: TickContext, emit: Emit) => void;

interface Output {
  readonly type: DataType;
  readonly code: Code;
}

/** A power of two of at least n, up to the batch size. */
export function chunkCapacity(n: number): number {
  if (n >= BATCH_ROWS) return BATCH_ROWS;
  return n <= 16 ? 16 : 1 << (32 - Math.clz32(n - 1));
}

/** JavaScript that makes an array of `n` entries for a type. */
export function newArray(type: DataType, n: string): string {
  switch (physicalKind(type)) {
    case 'bool':
      return `new Uint8Array(${n})`;
    case 'i32':
      return `new Int32Array(${n})`;
    case 'i64':
      return `new BigInt64Array(${n})`;
    case 'f64':
      return `new Float64Array(${n})`;
    case 'text':
      return `new Array(${n}).fill('')`;
    case 'boxed':
      return `new Array(${n}).fill(null)`;
  }
}

/** Variables of the output arrays and the function that makes them. */
function declareOutputs(outputs: readonly (Output | null)[], weights: boolean): string {
  const names: string[] = [];
  const made: string[] = [];
  outputs.forEach((output, x) => {
    if (output === null) return;
    names.push(`D${x}`);
    made.push(`D${x} = ${newArray(output.type, 'n')};`);
    if (output.code.isNull === null) return;
    names.push(`N${x}`);
    made.push(`N${x} = new Uint8Array(n);`);
  });
  if (weights) {
    names.push('OW');
    made.push('OW = new Int32Array(n);');
  }
  const declared = names.length === 0 ? '' : `let ${names.map((name) => `${name} = null`).join(', ')};`;
  return `let cap = 0;\n${declared}\nconst grow = (n) => {\ncap = n;\n${made.join('\n')}\n};`;
}

/** Statements that write a row's results at `at`. */
function writeOutputs(outputs: readonly (Output | null)[], at: string): string {
  return outputs
    .flatMap((output, x) => {
      if (output === null) return [];
      const { value, isNull } = output.code;
      const kind = physicalKind(output.type);
      const entry = isNull === 'true' ? zeroOf[kind] : value;
      const data = `D${x}[${at}] = ${kind === 'bool' ? `${entry} ? 1 : 0` : entry};`;
      return isNull === null ? [data] : [data, `N${x}[${at}] = ${isNull} ? 1 : 0;`];
    })
    .join('\n');
}

function vectorsOf(outputs: readonly (Output | null)[], shared: (x: number) => string): string {
  const vectors = outputs.map((output, x) =>
    output === null
      ? shared(x)
      : `{ kind: '${physicalKind(output.type)}', data: D${x}, nulls: ${output.code.isNull === null ? 'null' : `N${x}`} }`,
  );
  return `[${vectors.join(', ')}]`;
}

/**
 * The loop for `SELECT exprs WHERE condition` over batches of `input`. `operator` names it in error reports. The loop
 * may be used by one owner only.
 */
export function compileCalc(
  condition: Scalar | null,
  exprs: readonly Scalar[],
  input: Schema,
  operator = 'Calc',
): CalcLoop {
  return condition === null
    ? compileProjection(exprs, input, operator)
    : compileFilter(condition, exprs, input, operator);
}

/** A row is filed once, with its first error. */
function guarded(body: string, onError: string): string {
  return `let pos = -1, filed = false;\ntry {\n${body}\n} catch (error) {\n${onError}\n}`;
}

/** Statements that file the row whose expression failed with `error`. */
function prepareReport(input: Schema, operator: string, columns: ColumnInput, emitter: Emitter): string {
  const report = emitRowReport(operator, input, 'W[i]', emitter);
  const once = `if (!filed) { filed = true; ${report} }`;
  columns.onFailure = once;
  return once;
}

function compileFilter(
  condition: Scalar,
  exprs: readonly Scalar[],
  input: Schema,
  operator: string,
): CalcLoop {
  const columns = new ColumnInput(input);
  const emitter = new Emitter(columns);
  const report = prepareReport(input, operator, columns, emitter);
  emitUnlessTrue(condition, 'continue;', emitter);
  const outputs = exprs.map((expr) => ({ type: expr.type, code: emitScalar(expr, emitter) }));
  const row = `${emitter.take()}\n${writeOutputs(outputs, 'o')}\nOW[o] = W[i];`;
  const failed = `${report}\ncontinue;`;
  const loop = `for (let i = 0; i < n; i++) {
${guarded(row, failed)}
if (++o === cap) { emit({ length: o, columns: ${vectorsOf(outputs, () => '')}, weights: OW }); o = 0; }
}
if (o > 0) emit({ length: o, columns: ${vectorsOf(outputs, () => '')}, weights: OW });`;
  return finish(
    emitter,
    columns,
    outputs,
    true,
    `${emitter.constant(chunkCapacity)}(n)`,
    `let o = 0;\n${loop}`,
  );
}

function compileProjection(exprs: readonly Scalar[], input: Schema, operator: string): CalcLoop {
  const columns = new ColumnInput(input);
  const emitter = new Emitter(columns);
  const report = prepareReport(input, operator, columns, emitter);
  const outputs = exprs.map((expr) =>
    expr.kind === 'column' ? null : { type: expr.type, code: emitScalar(expr, emitter) },
  );
  const shared = (x: number): string => {
    const expr = must(exprs[x]);
    return expr.kind === 'column' ? `cols[${expr.index}]` : '';
  };
  const row = `${emitter.take()}\n${writeOutputs(outputs, 'i')}`;
  const result = `{ length: n, columns: ${vectorsOf(outputs, shared)}, weights: W }`;
  if (outputs.every((output) => output === null)) {
    return finish(emitter, columns, outputs, false, '0', `emit(${result});`);
  }
  const failed = `${report}
if (dead === null) dead = new Uint8Array(n);
dead[i] = 1;`;
  const loop = `let dead = null;
for (let i = 0; i < n; i++) {
${guarded(row, failed)}
}
emit(dead === null ? ${result} : ${emitter.constant(withoutRows)}(${result}, dead));`;
  return finish(emitter, columns, outputs, false, 'n', loop);
}

function finish(
  emitter: Emitter,
  columns: ColumnInput,
  outputs: readonly (Output | null)[],
  weights: boolean,
  capacity: string,
  body: string,
): CalcLoop {
  const text = `${declareOutputs(outputs, weights)}
return (batch, tick, emit) => {
const n = batch.length, W = batch.weights, cols = batch.columns, ctx = tick.eval;
${columns.bindings('cols', 'n', emitter)}
if (cap < ${capacity}) grow(${capacity});
${body}
};`;
  return instantiate<CalcLoop>(text, emitter.constants);
}

/** The batch without the rows whose byte is 1, in arrays of its own. */
export function withoutRows(batch: Batch, dead: Uint8Array): Batch {
  const rows: number[] = [];
  for (let i = 0; i < batch.length; i++) if (dead[i] === 0) rows.push(i);
  return {
    length: rows.length,
    columns: batch.columns.map((column) => pickRows(column, rows)),
    weights: Int32Array.from(rows, (i) => batch.weights[i] ?? 0),
  };
}

function pickRows(vector: Vector, rows: readonly number[]): Vector {
  const nulls = vector.nulls === null ? null : Uint8Array.from(rows, (i) => vector.nulls?.[i] ?? 0);
  switch (vector.kind) {
    case 'bool':
      return { kind: vector.kind, data: Uint8Array.from(rows, (i) => vector.data[i] ?? 0), nulls };
    case 'i32':
      return { kind: vector.kind, data: Int32Array.from(rows, (i) => vector.data[i] ?? 0), nulls };
    case 'i64':
      return { kind: vector.kind, data: BigInt64Array.from(rows, (i) => vector.data[i] ?? 0n), nulls };
    case 'f64':
      return { kind: vector.kind, data: Float64Array.from(rows, (i) => vector.data[i] ?? 0), nulls };
    case 'text':
      return { kind: vector.kind, data: rows.map((i) => vector.data[i] ?? ''), nulls };
    case 'boxed':
      return { kind: vector.kind, data: rows.map((i) => vector.data[i] ?? null), nulls };
  }
}
