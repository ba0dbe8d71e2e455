/** Checks WITH (...) options against a connector's specs and fills in defaults. */
import { SqlError } from '../common/sqlError.ts';
import type { OptionSpec } from './connector.ts';

function matchesName(spec: OptionSpec, name: string): boolean {
  return spec.name.endsWith('*') ? name.startsWith(spec.name.slice(0, -1)) : spec.name === name;
}

function checkValue(spec: OptionSpec, name: string, value: string): string {
  const invalid = (hint: string): SqlError =>
    new SqlError('22023', `invalid value for option "${name}": "${spec.secret === true ? '***' : value}"`, {
      hint,
    });
  switch (spec.type) {
    case 'integer':
      if (!/^\d+$/.test(value)) throw invalid('It takes a non-negative integer.');
      return value;
    case 'float':
      if (!/^\d+(\.\d+)?$/.test(value)) throw invalid('It takes a non-negative number.');
      return value;
    case 'boolean':
      if (!/^(true|false)$/i.test(value)) throw invalid('It takes true or false.');
      return value.toLowerCase();
    case 'list':
      return value;
    case 'string': {
      if (spec.choices === undefined) return value;
      const choice = spec.choices.find((c) => c.toLowerCase() === value.toLowerCase());
      if (choice === undefined) throw invalid(`Use one of: ${spec.choices.join(', ')}.`);
      return choice;
    }
  }
}

/** An ENCODE clause has options too, and is no connector. */
const kindOf = (name: string): string => (name.startsWith('ENCODE ') ? name : `connector ${name}`);

/** Letters to add, leave out or exchange that make one name of the other (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const exchanged = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(exchanged, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** A name that is nearly the one that was written. */
function meant(name: string, options: readonly OptionSpec[]): string {
  const loose = (n: string): string => n.toLowerCase().replace(/[_-]/g, '.');
  const near = options
    .map((spec) => ({ spec, far: distance(loose(name.slice(0, 100)), loose(spec.name)) }))
    .filter(({ spec, far }) => far <= 2 && far * 3 <= spec.name.length)
    .sort((a, b) => a.far - b.far)[0];
  return near === undefined ? '' : `Perhaps you meant "${near.spec.name}". `;
}

/** Options other than `connector`, validated, with defaults. */
export function checkOptions(
  connector: { readonly name: string; readonly options: readonly OptionSpec[] },
  given: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const checked = new Map<string, string>();
  for (const spec of connector.options)
    if (spec.default !== undefined && !spec.name.endsWith('*')) checked.set(spec.name, spec.default);
  for (const [name, value] of given) {
    if (name === 'connector') continue;
    const spec = connector.options.find((s) => matchesName(s, name));
    if (spec === undefined) {
      throw new SqlError('22023', `unknown option "${name}" for ${kindOf(connector.name)}`, {
        hint: `${meant(name, connector.options)}Options of ${connector.name}: ${connector.options.map((s) => s.name).join(', ')}.`,
      });
    }
    checked.set(name, checkValue(spec, name, value));
  }
  for (const spec of connector.options) {
    if (spec.required === true && !checked.has(spec.name)) {
      throw new SqlError('22023', `${kindOf(connector.name)} needs the option "${spec.name}"`);
    }
  }
  return checked;
}
