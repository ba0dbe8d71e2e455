/**
 * EXPLAIN: plans as indented text in PostgreSQL's manner, or as JSON. A subplan with several parents is printed once,
 * with a name, and referred to by that name where it occurs again.
 */
import type { LogicalPlan } from '../plan/logical.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { isSubquery } from '../plan/scalars.ts';
import { inputsOf, physicalInputs, scalarsOf, walkScalar } from '../plan/walk.ts';
import { watermarksOf } from '../time/watermarks.ts';
import { type Description, describeLogical, describePhysical } from './describe.ts';
import { columnName, columnNames } from './scalarText.ts';

export interface ExplainOptions {
  /** Also row estimates, keys, append-only and output columns. */
  readonly verbose?: boolean;
}

/** How to print one kind of plan tree. */
interface TreeStyle<P> {
  readonly inputs: (plan: P) => readonly P[];
  readonly describe: (plan: P) => Description;
  readonly extras: (plan: P) => Description['attributes'];
  /** Plans inside the node's scalars. */
  readonly subplans: (plan: P) => readonly P[];
}

function attributesText(attributes: Description['attributes']): string {
  const parts = attributes
    .filter(([, value]) => value.length > 0)
    .map(([name, value]) => {
      const key = name.replaceAll(' ', '_');
      if (typeof value !== 'string') return `${key}=[${value.join(', ')}]`;
      return value === 'true' ? key : /^[\w.:#]+$/.test(value) ? `${key}=${value}` : `${key}=[${value}]`;
    });
  return parts.length === 0 ? '' : ` ${parts.join(' ')}`;
}

function sharedNodes<P>(root: P, inputs: (plan: P) => readonly P[]): ReadonlyMap<P, number> {
  const seen = new Set<P>();
  const shared = new Map<P, number>();
  const visit = (plan: P): void => {
    if (seen.has(plan)) {
      // A leaf is as short as a reference to it.
      if (!shared.has(plan) && inputs(plan).length > 0) shared.set(plan, shared.size + 1);
      return;
    }
    seen.add(plan);
    for (const input of inputs(plan)) visit(input);
  };
  visit(root);
  return shared;
}

function treeText<P>(root: P, style: TreeStyle<P>): readonly string[] {
  const shared = sharedNodes(root, style.inputs);
  const printed = new Set<P>();
  const lines: string[] = [];
  const print = (plan: P, depth: number, label: string): void => {
    const indent = depth === 0 ? '' : `${'      '.repeat(depth - 1)}  ->  `;
    const number = shared.get(plan);
    if (number !== undefined && printed.has(plan)) {
      lines.push(`${indent}${label}Shared ${number}`);
      return;
    }
    printed.add(plan);
    const { title, attributes } = style.describe(plan);
    const name = number === undefined ? '' : ` (shared ${number})`;
    lines.push(`${indent}${label}${title}${name}${attributesText([...attributes, ...style.extras(plan)])}`);
    for (const subplan of style.subplans(plan)) print(subplan, depth + 1, 'SubPlan: ');
    for (const input of style.inputs(plan)) print(input, depth + 1, '');
  };
  print(root, 0, '');
  return lines;
}

function verboseAttributes(plan: PhysicalPlan): Description['attributes'] {
  const key = plan.key?.map((c) => plan.schema[c]?.name ?? `#${c}`) ?? null;
  return [
    ['key', key === null ? '' : `(${key.join(', ')})`],
    ['append only', plan.appendOnly ? 'true' : ''],
    ['watermark', watermarkText(plan)],
    ['rows', String(Math.round(plan.estimatedRows))],
  ];
}

/** The columns that have a watermark; of a maintained plan only. */
function watermarkText(plan: PhysicalPlan): string {
  const columns = watermarkColumns(plan);
  return columns.length === 0 ? '' : `(${columnNames(columns, plan.schema)})`;
}

function watermarkColumns(plan: PhysicalPlan): readonly number[] {
  const terms = watermarksOf(plan);
  return [...plan.schema.keys()].filter((c) => (terms[c] ?? null) !== null);
}

/** Where rows are kept back, by which watermark is always of interest. */
const plainAttributes = (plan: PhysicalPlan): Description['attributes'] =>
  plan.kind === 'Close' || plan.kind === 'SlidingPanes' ? [['watermark', watermarkText(plan)]] : [];

/** A physical plan, one line a node. */
export function explainText(plan: PhysicalPlan, options: ExplainOptions = {}): readonly string[] {
  return explainTree(plan, options.verbose === true ? verboseAttributes : plainAttributes);
}

/** A physical plan with own attributes for each node. */
export function explainTree(
  plan: PhysicalPlan,
  extras: (plan: PhysicalPlan) => Description['attributes'],
): readonly string[] {
  return treeText(plan, {
    inputs: physicalInputs,
    describe: describePhysical,
    extras,
    subplans: (node) => (node.kind === 'Recursive' ? [node.step] : []),
  });
}

function subplansOf(plan: LogicalPlan): readonly LogicalPlan[] {
  const plans: LogicalPlan[] = [];
  const visit = (s: Scalar): void => {
    if (isSubquery(s) && 'plan' in s) plans.push(s.plan);
  };
  for (const s of scalarsOf(plan)) walkScalar(s, visit);
  return plans;
}

/** A logical plan, one line a node. */
export function explainLogical(plan: LogicalPlan): readonly string[] {
  return treeText(plan, {
    inputs: inputsOf,
    describe: describeLogical,
    extras: () => [],
    subplans: subplansOf,
  });
}

/** A value that JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

const capitalised = (name: string): string => name.replace(/^./, (c) => c.toUpperCase());

/** EXPLAIN (FORMAT JSON): PostgreSQL's outer shape, [{"Plan": {...}}]. */
export function explainJson(plan: PhysicalPlan, options: ExplainOptions = {}): string {
  const shared = sharedNodes(plan, physicalInputs);
  const printed = new Set<PhysicalPlan>();
  const nodeJson = (node: PhysicalPlan): Json => {
    const number = shared.get(node);
    if (number !== undefined && printed.has(node)) return { 'Node Type': 'Shared', 'Shared Plan': number };
    printed.add(node);
    const inputs = physicalInputs(node);
    return {
      ...describedJson(node, options),
      ...(number === undefined ? {} : { 'Shared Plan': number }),
      ...(inputs.length === 0 ? {} : { Plans: inputs.map(nodeJson) }),
    };
  };
  return JSON.stringify([{ Plan: nodeJson(plan) }], null, 2);
}

function describedJson(plan: PhysicalPlan, options: ExplainOptions): { readonly [key: string]: Json } {
  const { title, attributes } = describePhysical(plan);
  const node: { [key: string]: Json } = { 'Node Type': title };
  for (const [name, value] of attributes) {
    if (value.length > 0) node[capitalised(name)] = value === 'true' ? true : value;
  }
  if (options.verbose === true) {
    node.Output = plan.schema.map((c) => c.name);
    node.Key = plan.key === null ? null : plan.key.map((c) => plan.schema[c]?.name ?? `#${c}`);
    node['Append Only'] = plan.appendOnly;
    node.Watermark = watermarkColumns(plan).map((c) => columnName(plan.schema, c));
  }
  node['Plan Rows'] = Math.round(plan.estimatedRows);
  return node;
}
