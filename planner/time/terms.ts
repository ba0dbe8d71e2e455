/**
 * Constructors of watermark terms and questions about them. Terms are kept small: maps of maps are composed, equal terms
 * of a minimum are written once.
 */
import { must, unreachable } from '../../common/assert.ts';
import type { RelationEntry } from '../../common/catalog.ts';
import { type DataType, physicalKind, sameType } from '../../common/dataType.ts';
import { scalarText } from '../explain/scalarText.ts';
import { scalarKey, typeKey } from '../plan/fingerprint.ts';
import type { Scalar } from '../plan/scalar.ts';
import { column, substitute } from '../plan/scalars.ts';
import type { WatermarkTerm } from '../plan/watermark.ts';

/** Terms of the columns of a plan. */
export type Terms = readonly (WatermarkTerm | null)[];

/** Equal keys: equal values at all times. */
export function termKey(term: WatermarkTerm): string {
  switch (term.kind) {
    case 'relation':
      return `r${term.relation}.${term.column}-${term.lateness}`;
    case 'clock':
      return 'clock';
    case 'map':
      return `map(${termKey(term.input)},${scalarKey(term.expr)}:${typeKey(term.type)})`;
    case 'min':
    case 'max':
      return `${term.kind}(${term.terms.map(termKey).join()})`;
    default:
      return unreachable(term);
  }
}

export const sameTerm = (a: WatermarkTerm, b: WatermarkTerm): boolean => a === b || termKey(a) === termKey(b);

/** A non-decreasing function, over column 0, of a term. */
export function mapTerm(input: WatermarkTerm, expr: Scalar): WatermarkTerm {
  if (expr.kind === 'column') return input;
  if (input.kind !== 'map') return { kind: 'map', input, expr, type: expr.type };
  return { kind: 'map', input: input.input, expr: substitute(expr, [input.expr]), type: expr.type };
}

/** The least of one or more terms of one type; null where one of them is. */
export function minTerm(terms: Terms): WatermarkTerm | null {
  const flat: WatermarkTerm[] = [];
  for (const term of terms) {
    if (term === null) return null;
    flat.push(...(term.kind === 'min' ? term.terms : [term]));
  }
  const [first] = flat;
  if (first === undefined || flat.some((t) => !sameType(t.type, first.type))) return null;
  const distinct = [...new Map(flat.map((t) => [termKey(t), t])).values()];
  return distinct.length === 1 ? first : { kind: 'min', terms: distinct, type: first.type };
}

/** The term as it would be if no relation gave late rows. */
export function withoutLateness(term: WatermarkTerm): WatermarkTerm {
  switch (term.kind) {
    case 'relation':
      return term.lateness === 0n ? term : { ...term, lateness: 0n };
    case 'clock':
      return term;
    case 'map':
      return { ...term, input: withoutLateness(term.input) };
    case 'min':
    case 'max':
      return { ...term, terms: term.terms.map(withoutLateness) };
    default:
      return unreachable(term);
  }
}

/** What the term is derived from: terms with equal keys form one group. */
export function groupKey(term: WatermarkTerm): string {
  const bases = new Set<string>();
  const visit = (t: WatermarkTerm): void => {
    switch (t.kind) {
      case 'relation':
        bases.add(`${t.relation}.${t.group}`);
        return;
      case 'clock':
        bases.add('clock');
        return;
      case 'map':
        visit(t.input);
        return;
      case 'min':
      case 'max':
        t.terms.forEach(visit);
        return;
      default:
        unreachable(t);
    }
  };
  visit(term);
  return [...bases].sort().join();
}

/** State is ordered by integers only: times, dates and whole numbers. A watermark of anything else bounds nothing. */
export function isOrderable(term: WatermarkTerm): boolean {
  const kind = physicalKind(term.type);
  return kind === 'i64' || kind === 'i32';
}

/** Column 0 of a type: what the expression of a map is over. */
export const input = (type: DataType): Scalar => column(0, type);

const MICROS_PER_SECOND = 1_000_000;

/** A term as text, such as `tumble_start(watermark(bid.date_time), 00:00:10)`. */
export function termText(term: WatermarkTerm, relations: ReadonlyMap<number, RelationEntry>): string {
  switch (term.kind) {
    case 'relation': {
      const relation = relations.get(term.relation);
      const name =
        relation === undefined
          ? `#${term.relation}.#${term.column}`
          : `${relation.name}.${must(relation.columns[term.column]).name}`;
      const late = term.lateness === 0n ? '' : ` - ${Number(term.lateness) / MICROS_PER_SECOND}s`;
      return `watermark(${name})${late}`;
    }
    case 'clock':
      return 'clock';
    case 'map': {
      // The printer writes column names as identifiers, so the name is put in afterwards.
      const text = scalarText(term.expr, [
        { name: 'watermark_input', type: term.input.type, nullable: true },
      ]);
      return text.replaceAll('watermark_input', () => termText(term.input, relations));
    }
    case 'min':
    case 'max': {
      const name = term.kind === 'min' ? 'least' : 'greatest';
      return `${name}(${term.terms.map((t) => termText(t, relations)).join(', ')})`;
    }
    default:
      return unreachable(term);
  }
}
