/**
 * Where a query names the items of a WITH clause, by the syntax tree alone: what makes an item recursive, and whether it
 * names itself where it may. Names that an inner WITH defines anew are the inner ones.
 */
import type { Node, ObjectName } from '../../parser/ast/common.ts';
import type { Join, Query, SetOperation } from '../../parser/ast/query.ts';

export interface Reference {
  readonly name: string;
  readonly position: number;
  /** Why a recursive query must not name itself here; null: it may. */
  readonly place: string | null;
}

/** Every reference to one of `names` at or below a syntax node, in the order of the text. */
export function referencesTo(node: object, names: ReadonlySet<string>): readonly Reference[] {
  const walker = new Walker();
  walker.visit(node, { names, place: null });
  return walker.found;
}

interface Context {
  readonly names: ReadonlySet<string>;
  readonly place: string | null;
}

const isNode = (value: unknown): value is Node & { readonly kind: string } =>
  typeof value === 'object' && value !== null && 'kind' in value && typeof value.kind === 'string';

class Walker {
  readonly found: Reference[] = [];

  visit(node: object, context: Context): void {
    if (!isNode(node)) {
      this.#children(node, context);
      return;
    }
    switch (node.kind) {
      case 'NamedTable':
      case 'TableCommand':
        this.#name(node, context);
        this.#children(node, context);
        break;
      case 'Query':
        this.#query(node as unknown as Query, within(context, 'within a subquery'));
        break;
      case 'DerivedTable':
      case 'ParenQuery':
        this.#query((node as unknown as { readonly query: Query }).query, context);
        break;
      case 'SetOperation':
        this.#setOperation(node as unknown as SetOperation, context);
        break;
      case 'Join':
        this.#join(node as unknown as Join, context);
        break;
      default:
        this.#children(node, context);
    }
  }

  #children(node: object, context: Context): void {
    for (const child of Object.values(node)) {
      if (typeof child === 'object' && child !== null) this.visit(child, context);
    }
  }

  #name(node: Node, { names, place }: Context): void {
    const { parts } = (node as unknown as { readonly name: ObjectName }).name;
    const [first] = parts;
    if (parts.length !== 1 || first === undefined || !names.has(first.name)) return;
    this.found.push({ name: first.name, position: node.span.start, place });
  }

  /** A query whose place is that of what it stands in. */
  #query(query: Query, context: Context): void {
    const { with: clause, ...rest } = query;
    let inner = context;
    const hide = (name: string): void => {
      inner = { ...inner, names: new Set([...inner.names].filter((n) => n !== name)) };
    };
    if (clause?.recursive === true) for (const cte of clause.ctes) hide(cte.name.name);
    for (const cte of clause?.ctes ?? []) {
      if (cte.body.kind === 'query') this.#query(cte.body.query, inner);
      hide(cte.name.name);
    }
    const { kind: _, ...parts } = rest;
    this.#children(parts, inner);
  }

  #setOperation(operation: SetOperation, context: Context): void {
    const { operator, all, left, right } = operation;
    const place = `within ${operator.toUpperCase()}`;
    const nested = within(context, place);
    if (operator === 'union') this.#both(left, context, right, context);
    else if (operator === 'except') this.#both(left, all ? nested : context, right, nested);
    else this.#both(left, all ? nested : context, right, all ? nested : context);
  }

  #join(join: Join, context: Context): void {
    const nullable = within(context, 'within an outer join');
    const { type } = join;
    const left = type === 'right' || type === 'full' ? nullable : context;
    const right = type === 'left' || type === 'full' ? nullable : context;
    this.#both(join.left, left, join.right, right);
    if (join.condition?.kind === 'on') this.visit(join.condition.expr, context);
  }

  #both(left: object, leftContext: Context, right: object, rightContext: Context): void {
    this.visit(left, leftContext);
    this.visit(right, rightContext);
  }
}

/** The outermost reason stands. */
const within = (context: Context, place: string): Context =>
  context.place === null ? { ...context, place } : context;
