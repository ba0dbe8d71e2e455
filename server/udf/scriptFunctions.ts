/**
 * Functions and aggregates in JavaScript as entries of the function catalog.
 *
 * An aggregate with `retract` keeps its state per group as text between calls, so that rows come and go in any order; one
 * without is computed from all of the group's rows whenever they change.
 */
import type { DataType } from '../../common/dataType.ts';
import type {
  AggregateImplementation,
  EmitContext,
  EvalContext,
  ScalarImplementation,
} from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import { textStateCodec } from '../../common/stateCodec.ts';
import type { Value } from '../../common/value.ts';
import { limitsOf, ownLimits } from './limits.ts';
import { entryOf, nullsOf, type RoutineDefinition, type RoutineFunction } from './routine.ts';
import type { Script } from './sandbox.ts';
import { argumentsEncoder, decodeValue } from './values.ts';

/** Rows that an aggregate without `retract` is given at a time. */
const FOLD_ROWS = 1000;

/** What the script gave, which must be what the prelude makes. */
function answer(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SqlError(
      '38000',
      `function ${name} has changed the sandbox so that its results cannot be read`,
    );
  }
}

function decoded(text: string, type: DataType, name: string): Value {
  try {
    return decodeValue(answer(text, name), type);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw error.with({ where: `while reading the result of function ${name}` });
  }
}

/** A function in JavaScript. */
export function scriptFunction(definition: RoutineDefinition, script: Script): RoutineFunction {
  const { name, user, returns, volatility } = definition;
  const encode = argumentsEncoder(user.parameters.map((p) => p.type));
  const common = { ...entryOf(definition), user, volatility, nulls: nullsOf(definition) };
  if (returns.kind === 'rows') {
    const { columns } = returns;
    return {
      kind: 'table',
      ...common,
      columns: () => columns,
      implement:
        () =>
        (context, ...args) => {
          const found = answer(script.run('rows', [encode(args)], limitsOf(user, context)), name);
          const rows: readonly unknown[] = Array.isArray(found) ? found : [];
          return rows.map((row: unknown) => {
            const items: readonly unknown[] = Array.isArray(row) ? row : [];
            return columns.map((c, i) => decodeValue(items[i], c.type));
          });
        },
    };
  }
  const { type } = returns;
  const evaluateWith = (context: EvalContext, ...args: readonly Value[]): Value =>
    decoded(script.run('call', [encode(args)], limitsOf(user, context)), type, name);
  return {
    kind: 'scalar',
    ...common,
    returns: () => type,
    mayReturnNull: true,
    implement: (): ScalarImplementation => ({ evaluateWith }),
  };
}

/** An aggregate in JavaScript; `exported`: the functions that its script has. */
export function scriptAggregate(
  definition: RoutineDefinition & { readonly returns: { readonly kind: 'value' } },
  script: Script,
  exported: ReadonlySet<string>,
): RoutineFunction {
  const { name, user, returns } = definition;
  const encode = argumentsEncoder(user.parameters.map((p) => p.type));
  const limits = ownLimits(user);
  const run = (
    method: 'create' | 'change' | 'finish' | 'begin' | 'fold' | 'end',
    ...args: (string | number)[]
  ) => script.run(method, args, limits);
  const finish = (state: string): Value => decoded(run('finish', state), returns.type, name);

  const change = (state: string | null, weight: number, ...args: readonly Value[]): string =>
    weight === 0 ? (state ?? run('create')) : run('change', state ?? run('create'), encode(args), weight);
  const linear: AggregateImplementation = {
    form: 'linear',
    state: [{ kind: 'boxed', initial: 'null', codec: textStateCodec }],
    add: ([state = ''], args, weight, g: EmitContext) =>
      `${state} = ${g.constant(change)}(${[state, weight, ...args].join(', ')});`,
    result: ([state = ''], _count, g) => `${g.constant(finish)}(${state})`,
    emptyValue: () => finish(run('create')),
  };

  const fold = (rows: Iterable<readonly Value[]>): Value => {
    run('begin');
    let batch: string[] = [];
    for (const row of rows) {
      batch.push(encode(row));
      if (batch.length < FOLD_ROWS) continue;
      run('fold', `[${batch.join()}]`);
      batch = [];
    }
    if (batch.length > 0) run('fold', `[${batch.join()}]`);
    return decoded(run('end'), returns.type, name);
  };
  const collect: AggregateImplementation = { form: 'collect', finish: fold, overNothing: true };

  const retracts = exported.has('retract');
  return {
    kind: 'aggregate',
    ...entryOf(definition),
    user,
    returns: () => returns.type,
    nulls: 'called',
    orderSensitive: !retracts,
    implement: () => (retracts ? linear : collect),
  };
}
