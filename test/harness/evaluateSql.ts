/**
 * SQL over no relations, through the whole path: parser, binder, planner, operators. For tests of functions: no server,
 * no storage, a fixed clock and random source.
 */
import { must } from '../../common/assert.ts';
import type { CatalogReader } from '../../common/catalog.ts';
import type { EvalContext } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatValue } from '../../common/textIo.ts';
import type { Row } from '../../common/value.ts';
import type { Batch } from '../../executor/batch.ts';
import { batchRow } from '../../executor/batchBuilder.ts';
import { buildPlan } from '../../executor/build.ts';
import { evaluateScalar } from '../../executor/codegen/evaluate.ts';
import { Dataflow } from '../../executor/dataflow.ts';
import { functionCatalog } from '../../executor/functions/index.ts';
import type { Operator, TickContext } from '../../executor/operators/operator.ts';
import { timeWithoutWatermarks } from '../../executor/time.ts';
import { parse } from '../../parser/parse.ts';
import { bindQuery } from '../../planner/bind/bind.ts';
import { planQuery } from '../../planner/plan.ts';

const emptyCatalog: CatalogReader = {
  relation: () => null,
  hasSchema: () => false,
  relationNames: () => [],
  rowType: () => null,
  database: 'dev',
};

/** 2024-05-17 10:20:30.123456 UTC. */
export const FIXED_NOW = 1_715_941_230_123_456n;

/** A context without a session. */
export function fixedContext(timeZone = 'UTC'): EvalContext {
  let state = 1;
  const random = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x80000000;
  };
  return {
    timeZone,
    now: () => FIXED_NOW,
    clock: () => FIXED_NOW + 1000n,
    intervalStyle: 'postgres',
    byteaOutput: 'hex',
    extraFloatDigits: 1,
    random,
    randomBytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(random() * 256)),
    session: {
      user: 'root',
      database: 'dev',
      processId: 1,
      searchPath: () => ['public'],
      setting: () => null,
      setSetting: () => {},
      catalogFunction: () => null,
    },
  };
}

class Collector implements Operator {
  readonly emitsInitially = false;
  readonly rows: Row[] = [];

  push(_port: number, batch: Batch): void {
    for (let i = 0; i < batch.length; i++) {
      for (let n = 0; n < must(batch.weights[i]); n++) this.rows.push(batchRow(batch, i));
    }
  }

  flush(): void {}

  stateRows(): number {
    return this.rows.length;
  }

  stateBytes(): number {
    return 0;
  }
}

/** Rows of a query over no relations, as text (NULL for null). */
export function queryRows(
  sql: string,
  context: EvalContext = fixedContext(),
): readonly (readonly string[])[] {
  const { statement } = must(parse(sql)[0]);
  if (statement.kind !== 'SelectStatement') throw new SqlError('42601', `not a query: ${sql}`);
  const bound = bindQuery(statement.query, {
    catalog: emptyCatalog,
    functions: functionCatalog,
    searchPath: [],
    text: context,
    parameterTypes: [],
  });
  const env = {
    functions: functionCatalog,
    evaluator: { evaluate: (s: Parameters<typeof evaluateScalar>[0]) => evaluateScalar(s, context) },
  };
  const planned = planQuery(bound, env, 'adhoc');
  const tick: TickContext = {
    eval: context,
    time: timeWithoutWatermarks(() => context.now()),
    rowError(error) {
      throw error;
    },
    lateRow: () => {},
  };
  const dataflow = new Dataflow(tick);
  const collector = new Collector();
  buildPlan(planned.plan, dataflow, tick, { operator: collector, name: 'Result' }, () => null);
  dataflow.finishTick();
  const { schema } = planned.plan;
  return collector.rows.map((row) =>
    row.slice(0, planned.visible).map((value, i) => {
      return value === null ? 'NULL' : formatValue(value, must(schema[i]).type, context);
    }),
  );
}

/** The one value of `SELECT sql`. */
export function evaluateSql(sql: string, context: EvalContext = fixedContext()): string {
  const rows = queryRows(`SELECT ${sql}`, context);
  return must(must(rows[0], `no row: ${sql}`)[0]);
}
