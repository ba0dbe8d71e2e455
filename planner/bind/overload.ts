/**
 * Overload resolution of functions and operators (PostgreSQL, chapters 10.2 and 10.3): exact match, then the candidates
 * reachable by implicit casts, narrowed by exact matches, preferred types and the category of unknown literals.
 * Polymorphic patterns are unified per candidate.
 */

import { must } from '../../common/assert.ts';
import { canCast } from '../../common/cast.ts';
import { arrayOf, type DataType, sameType, types } from '../../common/dataType.ts';
import type { ResultType, TypePattern } from '../../common/function.ts';
import { SqlError } from '../../common/sqlError.ts';
import { isPreferredType, type TypeCategory, typeCategory, typeFromName } from '../../common/typeTable.ts';
import { withoutModifier } from './coerce.ts';

export interface Signature {
  readonly args: readonly TypePattern[];
  readonly variadic?: boolean;
  /** The exact types, where patterns are too coarse for them (structs of users' functions). */
  readonly declared?: readonly DataType[];
}

/** A candidate with the concrete types that its arguments must be coerced to. */
export interface Match<F> {
  readonly fn: F;
  readonly types: readonly DataType[];
  /** What the polymorphic patterns stand for. */
  readonly element: DataType | null;
  readonly compatible: DataType | null;
  /** Nothing but untyped literals stands for its anyelement or anyarray. */
  readonly indeterminate: boolean;
}

/** 42804 for a polymorphic call of which no argument has a type. */
export function checkDeterminate(match: Match<unknown>): void {
  if (!match.indeterminate) return;
  throw new SqlError('42804', 'could not determine polymorphic type because input has type unknown');
}

const patternTypes = new Map<string, DataType>();

/** The type of a concrete pattern; null for a pseudo type. */
export function concreteType(pattern: TypePattern): DataType | null {
  const known = patternTypes.get(pattern);
  if (known !== undefined) return known;
  let type: DataType | null;
  if (pattern === 'record' || pattern === 'record[]' || pattern.startsWith('any')) return null;
  if (pattern.endsWith('[]')) {
    const element = concreteType(pattern.slice(0, -2) as TypePattern);
    type = element === null ? null : arrayOf(element);
  } else if (pattern === 'char') type = types.char;
  else if (pattern === 'unknown') type = types.unknown;
  else if (pattern === 'void') type = types.void;
  else type = typeFromName(pattern);
  if (type !== null) patternTypes.set(pattern, type);
  return type;
}

/** The patterns for `count` arguments, the variadic one repeated; null when the count does not fit. */
function expandPatterns(signature: Signature, count: number): readonly TypePattern[] | null {
  const { args } = signature;
  if (signature.variadic !== true) return args.length === count ? args : null;
  if (count < args.length) return null;
  const last = must(args[args.length - 1]);
  return [...args.slice(0, -1), ...new Array<TypePattern>(Math.max(0, count - args.length + 1)).fill(last)];
}

function elementOf(type: DataType): DataType | null {
  return type.id === 'array' ? type.element : null;
}

type Unified = Pick<Match<unknown>, 'element' | 'compatible' | 'indeterminate'>;

/** The broadest of the types given for anycompatible. */
function commonCompatible(found: readonly DataType[]): DataType | null {
  let chosen = found[0];
  if (chosen === undefined) return null;
  for (const type of found.slice(1)) {
    if (sameType(type, chosen)) continue;
    if (canCast(chosen, type, 'implicit') && (!canCast(type, chosen, 'implicit') || isPreferredType(type)))
      chosen = type;
    else if (!canCast(type, chosen, 'implicit')) return null;
  }
  return chosen;
}

/** Solves the polymorphic patterns; null when they contradict each other. */
function unifyPatterns(patterns: readonly TypePattern[], args: readonly DataType[]): Unified | null {
  let element: DataType | null = null;
  const compatible: DataType[] = [];
  let polymorphic = false;
  let compatiblePolymorphic = false;
  for (let i = 0; i < patterns.length; i++) {
    const pattern = must(patterns[i]);
    const arg = must(args[i]);
    const family = pattern.startsWith('anycompatible') ? 'compatible' : 'element';
    if (!['anyelement', 'anyarray', 'anynonarray', 'anycompatible', 'anycompatiblearray'].includes(pattern))
      continue;
    if (family === 'element') polymorphic = true;
    else compatiblePolymorphic = true;
    if (arg.id === 'unknown') continue;
    const isArray = pattern.endsWith('array') && pattern !== 'anynonarray';
    const given: DataType | null = isArray ? elementOf(arg) : arg;
    // Functions know nothing of lengths and scales: what they give may be longer than what they were given.
    const type = given === null ? null : withoutModifier(given);
    if (type === null || (pattern === 'anynonarray' && arg.id === 'array')) return null;
    if (family === 'compatible') compatible.push(type);
    else if (element === null) element = type;
    else if (!sameType(element, type)) return null;
  }
  const chosen = commonCompatible(compatible);
  if (compatible.length > 0 && chosen === null) return null;
  return {
    element: polymorphic ? (element ?? types.text) : null,
    compatible: compatiblePolymorphic ? (chosen ?? types.text) : null,
    indeterminate: polymorphic && element === null,
  };
}

function targetType(pattern: TypePattern, arg: DataType, unified: Unified): DataType | null {
  switch (pattern) {
    case 'any':
      return arg;
    case 'anyelement':
    case 'anynonarray':
      return unified.element;
    case 'anyarray':
      return unified.element === null ? null : arrayOf(unified.element);
    case 'anycompatible':
      return unified.compatible;
    case 'anycompatiblearray':
      return unified.compatible === null ? null : arrayOf(unified.compatible);
    case 'record':
      return arg.id === 'struct' ? arg : null;
    case 'record[]':
      return arg.id === 'array' && arg.element.id === 'struct' ? arg : null;
    default:
      return concreteType(pattern);
  }
}

function matchOf<F extends Signature>(fn: F, args: readonly DataType[]): Match<F> | null {
  const patterns = expandPatterns(fn, args.length);
  if (patterns === null) return null;
  const unified = unifyPatterns(patterns, args);
  if (unified === null) return null;
  const targets: DataType[] = [];
  for (let i = 0; i < patterns.length; i++) {
    const arg = must(args[i]);
    const target = fn.declared?.[i] ?? targetType(must(patterns[i]), arg, unified);
    if (target === null || !canCast(arg, target, 'implicit')) return null;
    targets.push(target);
  }
  return { fn, types: targets, ...unified };
}

/** Result type of a match. */
export function resultType(returns: ResultType, match: Match<unknown>): DataType {
  if (typeof returns === 'function') return returns(match.types);
  const type = targetType(returns, match.types[0] ?? types.text, match);
  return type ?? match.types[0] ?? types.text;
}

const exactCount = (m: Match<unknown>, args: readonly DataType[]): number =>
  m.types.filter((t, i) => sameType(t, must(args[i]))).length;

function keepBest<F>(matches: readonly Match<F>[], score: (m: Match<F>) => number): readonly Match<F>[] {
  const best = Math.max(...matches.map(score));
  return matches.filter((m) => score(m) === best);
}

/** For unknown arguments: the category that candidates agree on, string first. */
function narrowByCategory<F>(matches: readonly Match<F>[], args: readonly DataType[]): readonly Match<F>[] {
  let left = matches;
  const categories: (TypeCategory | null)[] = args.map((arg, i) => {
    if (arg.id !== 'unknown') return null;
    const found = new Set(left.map((m) => typeCategory(must(m.types[i]))));
    if (found.has('S')) return 'S';
    return found.size === 1 ? ([...found][0] ?? null) : null;
  });
  if (args.some((arg, i) => arg.id === 'unknown' && categories[i] === null)) return matches;
  const fitting = left.filter((m) =>
    categories.every((c, i) => c === null || typeCategory(must(m.types[i])) === c),
  );
  if (fitting.length > 0) left = fitting;
  for (let i = 0; i < args.length; i++) {
    if (categories[i] === null) continue;
    const preferred = left.filter((m) => isPreferredType(must(m.types[i])));
    if (preferred.length > 0) left = preferred;
  }
  return left;
}

/** All unknown arguments taken to be of the one type that the known ones have. */
function assumeSameType<F>(matches: readonly Match<F>[], args: readonly DataType[]): readonly Match<F>[] {
  const known = args.filter((a) => a.id !== 'unknown');
  const first = known[0];
  if (first === undefined || known.length === args.length || !known.every((k) => sameType(k, first)))
    return matches;
  const fitting = matches.filter((m) => m.types.every((t) => canCast(first, t, 'implicit')));
  return fitting.length === 1 ? fitting : matches;
}

/** The candidate that PostgreSQL would call; null: none; several: ambiguous. */
export function resolve<F extends Signature>(
  candidates: readonly F[],
  args: readonly DataType[],
): Match<F> | 'ambiguous' | null {
  let matches = candidates.map((fn) => matchOf(fn, args)).filter((m) => m !== null);
  if (matches.length === 0) return null;
  const exact = matches.filter((m) => exactCount(m, args) === args.length);
  const concrete = exact.filter((m) => m.fn.args.every((p) => concreteType(p) !== null));
  if (concrete.length > 0) return must(concrete[0]);
  if (exact.length > 0) return must(exact[0]);
  // An operator with one unknown side first assumes the other side's type.
  if (args.length === 2) {
    const known = args.find((a) => a.id !== 'unknown');
    if (known !== undefined && args.some((a) => a.id === 'unknown')) {
      const same = matches.find((m) => m.types.every((t) => sameType(t, known)));
      if (same !== undefined) return same;
    }
  }
  const narrowed = (next: readonly Match<F>[]): boolean => {
    matches = [...next];
    return matches.length === 1;
  };
  if (narrowed(keepBest(matches, (m) => exactCount(m, args)))) return must(matches[0]);
  const preferredCount = (m: Match<F>): number =>
    m.types.filter((t, i) => {
      const arg = must(args[i]);
      return (
        arg.id !== 'unknown' &&
        (sameType(t, arg) || (isPreferredType(t) && typeCategory(t) === typeCategory(arg)))
      );
    }).length;
  if (narrowed(keepBest(matches, preferredCount))) return must(matches[0]);
  if (narrowed(narrowByCategory(matches, args))) return must(matches[0]);
  if (narrowed(assumeSameType(matches, args))) return must(matches[0]);
  const specific = matches.filter((m) => m.fn.args.every((p) => concreteType(p) !== null));
  if (specific.length === 1) return must(specific[0]);
  return 'ambiguous';
}
