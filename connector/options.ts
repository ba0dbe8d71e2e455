/** Checks WITH (...) options against a connector's specs and fills in defaults. */
import { SqlError } from '../common/sqlError.ts';
import type { OptionSpec } from './connector.ts';

function matchesName(spec: OptionSpec, name: string): boolean {
  return spec.name.endsWith('*') ? name.startsWith(spec.name.slice(0, -1)) : spec.name === name;
}

function checkValue(spec: OptionSpec, name: string, value: string): string {
  const invalid = (hint: string): SqlError =>
    new SqlError('22023', `invalid value for option "${name}": "${value}"`, { hint });
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
      throw new SqlError('22023', `unknown option "${name}" for connector ${connector.name}`, {
        hint: `Options of ${connector.name}: ${connector.options.map((s) => s.name).join(', ')}.`,
      });
    }
    checked.set(name, checkValue(spec, name, value));
  }
  for (const spec of connector.options) {
    if (spec.required === true && !checked.has(spec.name)) {
      throw new SqlError('22023', `connector ${connector.name} needs the option "${spec.name}"`);
    }
  }
  return checked;
}
