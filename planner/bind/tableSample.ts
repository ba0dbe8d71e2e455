/** TABLESAMPLE: a filter over the table that keeps a share of its rows. */
import { must } from '../../common/assert.ts';
import { type DataType, types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { sampledByChance, sampledBySeed } from '../../common/tableSample.ts';
import { formatType } from '../../common/typeTable.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { TableSample } from '../../parser/ast/query.ts';
import { filter } from '../plan/construct.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { columnsOf } from '../plan/scalars.ts';
import { tryCoerce } from './coerce.ts';
import { bindExpr } from './expr.ts';
import type { FromContext } from './from.ts';
import { exprContext } from './query.ts';
import { levelsOf } from './rewrite.ts';
import { Scope } from './scope.ts';

const methods: readonly string[] = ['bernoulli', 'system'];

/** 42809 for what is neither a table nor a materialized view. */
export function misplacedSample(position: number): SqlError {
  const message = 'TABLESAMPLE clause can only be applied to tables and materialized views';
  return new SqlError('42809', message, { position });
}

/** The rows of the sample. */
export function bindSample(plan: LogicalPlan, sample: TableSample, context: FromContext): LogicalPlan {
  const method = must(sample.method.parts.at(-1)).name;
  const position = sample.span.start;
  if (!methods.includes(method)) {
    throw new SqlError('42704', `tablesample method ${method} does not exist`, { position });
  }
  const [percentage] = sample.arguments;
  if (percentage === undefined || sample.arguments.length > 1) {
    const counts = `1 argument, not ${sample.arguments.length}`;
    throw new SqlError('2202H', `tablesample method ${method} requires ${counts}`, { position });
  }
  const share = argument(percentage, types.float4, context);
  const condition: Scalar =
    sample.seed === null
      ? { kind: 'call', fn: sampledByChance, args: [share], type: types.bool, position }
      : {
          kind: 'call',
          fn: sampledBySeed,
          args: [share, argument(sample.seed, types.float8, context), ...columnsOf(plan.schema)],
          type: types.bool,
          position,
        };
  return filter(plan, condition);
}

function argument(expr: Expr, type: DataType, context: FromContext): Scalar {
  const position = expr.span.start;
  const scope = new Scope({}, context.lateral);
  const clause = 'TABLESAMPLE';
  const bound = bindExpr(expr, { ...exprContext(context.env, scope, context.ctes), clause });
  const value = tryCoerce(bound, type, 'assignment', context.env);
  if (value === null) {
    const message = `argument of TABLESAMPLE must be type ${formatType(type)}, not type ${formatType(bound.type)}`;
    throw new SqlError('42804', message, { position });
  }
  if (levelsOf(value).size > 0) {
    throw new SqlError('42P10', 'argument of TABLESAMPLE must not contain variables', { position });
  }
  return value;
}
