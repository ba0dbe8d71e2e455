/** EXPLAIN of queries, DML and CREATE MATERIALIZED VIEW. */
import { types } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Explain, Statement } from '../../parser/ast/statement.ts';
import type { BoundQuery } from '../../planner/bind/bind.ts';
import { bindQuery } from '../../planner/bind/bind.ts';
import { bindDelete, bindInsert, bindUpdate } from '../../planner/bind/dml.ts';
import type { PlanMode } from '../../planner/evaluator.ts';
import { explainJson, explainLogical, explainText } from '../../planner/explain/explain.ts';
import { explainState } from '../../planner/explain/explainState.ts';
import type { PhysicalPlan } from '../../planner/plan/physical.ts';
import {
  onUpdate,
  optimizeQuery,
  planMaterializedView,
  planQuery,
  substituteParameters,
  type ViewTiming,
} from '../../planner/plan.ts';
import { bindEnvironment, plannerEnvironment } from '../planning.ts';
import { targetTable, writableTable } from './dml.ts';
import type { StatementContext, StatementHandler } from './statement.ts';
import { viewTiming } from './viewTiming.ts';

const columns = [{ name: 'QUERY PLAN', type: types.text }];

interface Options {
  readonly state: boolean;
  readonly verbose: boolean;
  readonly format: 'text' | 'json';
  readonly logical: boolean;
}

function optionsOf(statement: Explain): Options {
  let options: Options = { state: false, verbose: false, format: 'text', logical: false };
  for (const { name, value } of statement.options) {
    const on = value === null || ['true', 'on', '1'].includes(value);
    switch (name) {
      case 'verbose':
        options = { ...options, verbose: on };
        break;
      case 'state':
        options = { ...options, state: on };
        break;
      case 'logical':
        options = { ...options, logical: on };
        break;
      case 'physical':
      case 'costs':
      case 'trace':
        break;
      case 'type':
        options = { ...options, logical: value === 'logical' };
        break;
      case 'format':
        if (value !== 'text' && value !== 'json') {
          throw new SqlError('22023', `unrecognized value for EXPLAIN option "format": "${value}"`, {
            hint: 'Use text or json.',
          });
        }
        options = { ...options, format: value };
        break;
      case 'analyze':
        if (on) throw unsupported('EXPLAIN ANALYZE', statement.span.start);
        break;
      default:
        throw new SqlError('42601', `unrecognized EXPLAIN option "${name}"`, {
          position: statement.span.start,
        });
    }
  }
  return options;
}

/** The query inside a statement, how it would be planned, and what stands on top. */
function explained(
  statement: Statement,
  context: StatementContext,
): {
  readonly bound: BoundQuery | null;
  readonly mode: PlanMode;
  readonly top: string | null;
  readonly timing?: ViewTiming;
} {
  const env = bindEnvironment(context);
  switch (statement.kind) {
    case 'SelectStatement':
      return { bound: bindQuery(statement.query, env), mode: 'adhoc', top: null };
    case 'CreateMaterializedView': {
      const bound = bindQuery(statement.query, env);
      return {
        bound,
        timing: viewTiming(statement, bound.columns, context),
        mode: 'maintained',
        top: `Materialize ${statement.name.parts.at(-1)?.name ?? ''}`,
      };
    }
    case 'CreateView':
      return { bound: bindQuery(statement.query, env), mode: 'adhoc', top: null };
    case 'Insert': {
      const table = writableTable(statement.table, 'insert into', context);
      const bound = bindInsert(statement, targetTable(table), env);
      return {
        bound: bound.source.kind === 'query' ? bound.source.query : null,
        mode: 'adhoc',
        top: `Insert on ${table.name}`,
      };
    }
    case 'Update': {
      const table = writableTable(statement.table, 'update', context);
      return {
        bound: bindUpdate(statement, targetTable(table), env).query,
        mode: 'adhoc',
        top: `Update on ${table.name}`,
      };
    }
    case 'Delete': {
      const table = writableTable(statement.table, 'delete from', context);
      return {
        bound: bindDelete(statement, targetTable(table), env).query,
        mode: 'adhoc',
        top: `Delete on ${table.name}`,
      };
    }
    default:
      throw unsupported(`EXPLAIN of ${statement.kind}`, statement.span.start);
  }
}

function lines(statement: Explain, context: StatementContext): readonly string[] {
  const options = optionsOf(statement);
  const { bound, mode, top, timing = onUpdate } = explained(statement.statement, context);
  if (bound === null) return [top ?? 'Values'];
  const env = plannerEnvironment(context);
  const plan =
    context.parameters.length === 0 ? bound.plan : substituteParameters(bound.plan, context.parameters);
  if (options.logical) return explainLogical(optimizeQuery(plan, env, mode, timing));
  const query = { ...bound, plan };
  const physical: PhysicalPlan = (
    mode === 'maintained' ? planMaterializedView(query, env, timing) : planQuery(query, env, mode)
  ).plan;
  if (options.state) {
    if (mode === 'maintained') return explainState(physical);
    throw new SqlError('42601', 'EXPLAIN (STATE) is for materialized views', {
      position: statement.statement.span.start,
      hint: 'Write EXPLAIN (STATE) CREATE MATERIALIZED VIEW name AS query.',
    });
  }
  if (options.format === 'json') return [explainJson(physical, { verbose: options.verbose })];
  const text = explainText(physical, { verbose: options.verbose });
  return top === null ? text : [top, ...text.map((line) => `  ${line}`)];
}

export const explain: StatementHandler<Explain> = {
  readOnly: true,
  describe: () => ({ parameterTypes: [], columns }),
  run(statement, context) {
    const rows = lines(statement, context).map((line) => [line]);
    return { columns, rows, tag: 'EXPLAIN' };
  },
};
