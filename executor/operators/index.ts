/** Which operator computes a plan node: one entry a kind. */
import { AssertionError } from '../../common/assert.ts';
import type { PhysicalPlan } from '../../planner/plan/physical.ts';
import { AggregateOperator } from './aggregate.ts';
import { AsofJoinOperator } from './asofJoin.ts';
import { AwaitLookupOperator } from './awaitLookup.ts';
import { CalcOperator } from './calc.ts';
import { ChangelogOperator } from './changelog.ts';
import { CloseOperator } from './close.ts';
import { createDistinct } from './distinct.ts';
import { ExpireOperator } from './expire.ts';
import { HopOperator } from './hop.ts';
import { createJoin } from './join.ts';
import { createMaterializedExprs } from './materializedExprs.ts';
import { MaxOneRowOperator } from './maxOneRow.ts';
import type { Operator, TickContext } from './operator.ts';
import { PaceOperator } from './pace.ts';
import { SessionOperator } from './session.ts';
import { SetOperationOperator } from './setOperation.ts';
import { SlidingPanesOperator } from './slidingPanes.ts';
import { TableFunctionOperator } from './tableFunction.ts';
import { TemporalFilterOperator } from './temporalFilter.ts';
import { TemporalJoinOperator } from './temporalJoin.ts';
import { createTopN } from './topN.ts';
import { UnionAllOperator } from './unionAll.ts';
import { ValuesOperator } from './values.ts';
import { createWindow } from './window.ts';

type Factories = {
  readonly [K in PhysicalPlan['kind']]: (
    node: Extract<PhysicalPlan, { readonly kind: K }>,
    context: TickContext,
  ) => Operator;
};

/**
 * The dataflow builder makes them: scans are edges from relations, a recursion holds a dataflow of its own, a delta join
 * looks into arrangements that stand beside it.
 */
function notAnOperator(node: PhysicalPlan): never {
  throw new AssertionError(`${node.kind} is not an operator`);
}

const factories: Factories = {
  Scan: notAnOperator,
  IndexScan: notAnOperator,
  Values: (node, context) => new ValuesOperator(node, context),
  Calc: (node, context) => new CalcOperator(node, context),
  Hop: (node, context) => new HopOperator(node, context),
  TableFunction: (node, context) => new TableFunctionOperator(node, context),
  Join: createJoin,
  DeltaJoin: notAnOperator,
  Aggregate: (node, context) => new AggregateOperator(node, context),
  Distinct: createDistinct,
  UnionAll: () => new UnionAllOperator(),
  SetOperation: (node, context) => new SetOperationOperator(node, context),
  TopN: createTopN,
  Window: createWindow,
  Session: (node, context) => new SessionOperator(node, context),
  AsofJoin: (node, context) => new AsofJoinOperator(node, context),
  TemporalJoin: (node, context) => new TemporalJoinOperator(node, context),
  AwaitLookup: (node) => new AwaitLookupOperator(node),
  TemporalFilter: (node, context) => new TemporalFilterOperator(node, context),
  Close: (node, context) => new CloseOperator(node, context),
  SlidingPanes: (node, context) => new SlidingPanesOperator(node, context),
  Pace: (node, context) => new PaceOperator(node, context),
  Expire: (node, context) => new ExpireOperator(node, context),
  Recursive: notAnOperator,
  MaterializedExprs: createMaterializedExprs,
  Changelog: (node) => new ChangelogOperator(node),
  MaxOneRow: (node) => new MaxOneRowOperator(node),
};

/** The operator of a plan node. */
export function createOperator(node: PhysicalPlan, context: TickContext): Operator {
  // TypeScript does not relate node.kind to factories[node.kind].
  const factory = factories[node.kind] as (node: PhysicalPlan, context: TickContext) => Operator;
  return factory(node, context);
}
