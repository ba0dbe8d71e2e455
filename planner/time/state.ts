/**
 * What each operator of a maintained plan keeps, what drops it, and whether it grows for ever. Sources and append-only
 * relations only ever add rows; ordinary tables bound what is kept of them by their own rows.
 */
import { must } from '../../common/assert.ts';
import type { RelationEntry } from '../../common/catalog.ts';
import type { Schema } from '../../common/dataType.ts';
import { aggregateText } from '../explain/callText.ts';
import { columnName, columnNames } from '../explain/scalarText.ts';
import type { AggregateCall } from '../plan/aggregateCall.ts';
import type {
  PhysicalAggregate,
  PhysicalPlan,
  PhysicalTemporalFilter,
  PhysicalTopN,
  PhysicalWindow,
} from '../plan/physical.ts';
import { walkPhysical } from '../plan/walk.ts';
import type { StateBound } from '../plan/watermark.ts';
import { expiresAll, onlyDelays } from './temporalFilterTerms.ts';
import { termText } from './terms.ts';
import { windowStateBound } from './windowFrames.ts';

/** Something that an operator keeps. */
export interface StatePart {
  /** Such as `one entry for each distinct value of (user_id)`. */
  readonly what: string;
  /** When it goes, such as `window_start < tumble_start(watermark(bid.date_time))`; null: it stays. */
  readonly until: string | null;
  /** No end to its growth. */
  readonly grows: boolean;
}

export type Relations = ReadonlyMap<number, RelationEntry>;

/** The relations that the plan reads, by id. */
export function relationsOf(plan: PhysicalPlan): Relations {
  const relations = new Map<number, RelationEntry>();
  walkPhysical(plan, (node) => {
    if (node.kind === 'Scan') relations.set(node.relation.id, node.relation);
  });
  return relations;
}

const growing = new WeakMap<PhysicalPlan, boolean>();

/** True when the output (insertions less deletions) grows for ever. */
export function grows(plan: PhysicalPlan): boolean {
  const known = growing.get(plan);
  if (known !== undefined) return known;
  const result = outputGrows(plan);
  growing.set(plan, result);
  return result;
}

function outputGrows(plan: PhysicalPlan): boolean {
  switch (plan.kind) {
    case 'Scan':
      return plan.relation.kind === 'source' || plan.relation.appendOnly;
    case 'IndexScan':
    case 'Values':
    case 'Expire':
      return false;
    case 'UnionAll':
    case 'DeltaJoin':
      return plan.inputs.some(grows);
    case 'Recursive':
      return grows(plan.base) || plan.sources.some((source) => grows(source.plan));
    case 'Changelog':
      return true;
    case 'Join':
      if (plan.type === 'semi' || plan.type === 'anti') return grows(plan.left);
      return grows(plan.left) || grows(plan.right);
    case 'AsofJoin':
    case 'TemporalJoin':
    case 'AwaitLookup':
      return grows(plan.left);
    case 'SetOperation':
      return grows(plan.left) && (plan.operator === 'except' || grows(plan.right));
    case 'TemporalFilter':
      return !expiresAll(plan) && grows(plan.input);
    case 'Aggregate':
      return !fewGroups(plan) && grows(plan.input);
    case 'TopN':
      return (plan.partition.length > 0 || plan.limit === null) && grows(plan.input);
    case 'MaxOneRow':
      return plan.keys.length > 0 && grows(plan.input);
    default:
      return grows(plan.input);
  }
}

/** One group, or a few by truth values. */
const fewGroups = (plan: PhysicalAggregate): boolean =>
  plan.keys.every((k) => plan.input.schema[k]?.type.id === 'bool');

/** What the operator of the node keeps; empty for one without state. */
export function stateParts(plan: PhysicalPlan, relations: Relations): readonly StatePart[] {
  const until = (bound: StateBound | null | undefined, schema: Schema): string | null =>
    bound === null || bound === undefined
      ? null
      : `${columnName(schema, bound.column)} < ${termText(bound.term, relations)}`;
  const kept = (what: string, bound: StateBound | null | undefined, schema: Schema, input: boolean) => {
    const end = until(bound, schema);
    return { what, until: end, grows: end === null && input };
  };
  switch (plan.kind) {
    case 'Aggregate': {
      if (plan.global) return globalParts(plan);
      const what = `one entry for each distinct value of (${columnNames(plan.keys, plan.input.schema)})`;
      return [kept(what, plan.clean, plan.schema, grows(plan))];
    }
    case 'Distinct':
      return [kept('one entry for each distinct row', plan.clean, plan.schema, grows(plan.input))];
    case 'MaterializedExprs': {
      if (plan.input.appendOnly) return [];
      const what = 'the values of volatile expressions of each row';
      return [kept(what, plan.clean, plan.input.schema, grows(plan.input))];
    }
    case 'SetOperation': {
      const input = grows(plan.left) || grows(plan.right);
      return [kept('the distinct rows of both inputs', plan.clean, plan.schema, input)];
    }
    case 'TopN':
      return [kept(topNWhat(plan), plan.clean, plan.input.schema, topNGrows(plan))];
    case 'Window':
      return [windowPart(plan, until)];
    case 'Join': {
      const { clean, left, right } = plan;
      return [
        kept('the rows of the left input', clean?.left, left.schema, grows(left)),
        kept('the rows of the right input', clean?.right, right.schema, grows(right)),
      ];
    }
    case 'DeltaJoin':
      return plan.inputs.map((input, i) => ({
        what: `the rows of input ${i + 1}`,
        until: null,
        grows: grows(input),
      }));
    case 'AsofJoin': {
      const { clean, left, right } = plan;
      return [
        kept('the rows of the left input', clean?.left, left.schema, grows(left)),
        kept('the rows of the right input', clean?.right, right.schema, grows(right)),
      ];
    }
    case 'AwaitLookup':
      return [
        { what: 'the rows that wait for what is looked up', until: null, grows: false },
        { what: 'the keys that have been looked up', until: null, grows: false },
      ];
    case 'TemporalJoin': {
      const lookup: StatePart = {
        what: 'the rows of the right input',
        until: null,
        grows: grows(plan.right),
      };
      if (plan.left.appendOnly) return [lookup];
      const what = 'the right rows that each row of the left input was joined with';
      return [{ what, until: null, grows: grows(plan.left) }, lookup];
    }
    case 'Session': {
      const end = until(plan.clean, plan.input.schema);
      const last =
        end === null ? null : `the last ${end.replace(' <', ` + ${Number(plan.gapMicros) / 1e6}s <`)}`;
      return [{ what: 'the rows of sessions', until: last, grows: last === null && grows(plan.input) }];
    }
    case 'TemporalFilter':
      return [filterPart(plan)];
    case 'Close':
      return [kept('the rows that wait', plan, plan.schema, false)];
    case 'SlidingPanes': {
      const column = plan.keys.length;
      return [kept('the panes of open windows', { column, term: plan.term }, plan.schema, false)];
    }
    case 'Pace':
      return [
        { what: 'the changes that wait', until: `${plan.mode} ${Number(plan.micros) / 1e6}s`, grows: false },
      ];
    case 'Expire':
      return [
        { what: 'the rows', until: `their ttl of ${Number(plan.ttlMicros) / 1e6}s is over`, grows: false },
      ];
    case 'Recursive':
      return [
        { what: 'all rows of the recursion and what they are joined with', until: null, grows: grows(plan) },
      ];
    case 'MaxOneRow':
      return [{ what: 'the row', until: null, grows: grows(plan) }];
    default:
      return [];
  }
}

function keepsValues(call: AggregateCall, plan: PhysicalAggregate): boolean {
  if (call.distinct) return true;
  const types = call.args.map((a) => must(plan.input.schema[a]).type);
  const { form } = call.fn.implement(types, call.type);
  return form === 'collect' || (form === 'extreme' && !plan.input.appendOnly);
}

function globalParts(plan: PhysicalAggregate): readonly StatePart[] {
  const holding = plan.aggregates.filter((call) => keepsValues(call, plan));
  if (holding.length === 0) return [{ what: 'one entry', until: null, grows: false }];
  return holding.map((call) => ({
    what: `the values of ${aggregateText(call, plan.input.schema)}`,
    until: null,
    grows: grows(plan.input),
  }));
}

const firstRowsOnly = (plan: PhysicalTopN): boolean => plan.limit !== null && plan.input.appendOnly;

function topNWhat(plan: PhysicalTopN): string {
  const rows = firstRowsOnly(plan) ? 'the first rows' : 'all rows';
  if (plan.partition.length === 0) return rows;
  return `${rows} of each distinct value of (${columnNames(plan.partition, plan.input.schema)})`;
}

const topNGrows = (plan: PhysicalTopN): boolean =>
  (plan.partition.length > 0 || !firstRowsOnly(plan)) && grows(plan.input);

function windowPart(
  plan: PhysicalWindow,
  until: (bound: StateBound | null | undefined, schema: Schema) => string | null,
): StatePart {
  const { schema } = plan.input;
  const own = until(plan.clean, schema);
  const by =
    plan.partition.length === 0 ? '' : ` of each distinct value of (${columnNames(plan.partition, schema)})`;
  if (own !== null) return { what: `all rows${by}`, until: own, grows: false };
  const order = until(plan.orderBound, schema);
  const bound = windowStateBound(plan);
  if (order === null || bound === 'none')
    return { what: `all rows${by}`, until: null, grows: grows(plan.input) };
  // Counted in rows, something is left of a partition however long it has been quiet.
  const endless = bound === 'rows' && plan.partition.length > 0;
  return { what: `what frames still need${by}`, until: order, grows: endless && grows(plan.input) };
}

function filterPart(plan: PhysicalTemporalFilter): StatePart {
  if (expiresAll(plan)) return { what: 'the rows', until: 'the moment they cease to pass', grows: false };
  if (onlyDelays(plan)) return { what: 'the rows', until: 'the moment they pass', grows: false };
  return { what: 'the rows', until: null, grows: grows(plan.input) };
}
