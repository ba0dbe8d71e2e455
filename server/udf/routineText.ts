/** Users' functions as text: their parameters and result as PostgreSQL shows them, and CREATE statements that make them again. */
import type { DataType } from '../../common/dataType.ts';
import type { DeclaredParameter } from '../../common/function.ts';
import { formatType } from '../../common/typeTable.ts';
import { quoteIdent } from '../../parser/identifier.ts';
import type { RoutineDefinition } from './routine.ts';

/** `TABLE(a integer, b text)`. */
export function columnsText(columns: readonly { readonly name: string; readonly type: DataType }[]): string {
  return `TABLE(${columns.map((c) => `${quoteIdent(c.name)} ${formatType(c.type)}`).join(', ')})`;
}

const modes = { in: '', out: 'OUT ', inout: 'INOUT ', variadic: 'VARIADIC ' } as const;

/** `a integer, OUT b text, VARIADIC c integer[] DEFAULT '{}'`. */
export function declaredText(declared: readonly DeclaredParameter[], withDefaults: boolean): string {
  return declared
    .map((p) => {
      const name = p.name === null ? '' : `${quoteIdent(p.name)} `;
      const value = withDefaults && p.default !== null ? ` DEFAULT ${p.default}` : '';
      return `${modes[p.mode]}${name}${formatType(p.type)}${value}`;
    })
    .join(', ');
}

/** A dollar quote that the text does not contain. */
function dollarQuoted(text: string): string {
  let tag = '$function$';
  for (let n = 1; text.includes(tag); n++) tag = `$function${n}$`;
  return `${tag}${text}${tag}`;
}

/** The CREATE statement of a function as it is now. */
export function createText(definition: RoutineDefinition): string {
  const { kind, name, user, volatility, strict } = definition;
  const parts = [
    `CREATE OR REPLACE ${kind.toUpperCase()} ${quoteIdent(user.schema)}.${quoteIdent(name)}(${declaredText(user.declared, true)})`,
    ` RETURNS ${user.resultText}`,
    ` LANGUAGE ${user.language}`,
  ];
  const attributes = [
    ...(kind === 'function' && volatility !== 'volatile' ? [volatility.toUpperCase()] : []),
    ...(strict ? ['STRICT'] : []),
  ];
  if (attributes.length > 0) parts.push(` ${attributes.join(' ')}`);
  for (const [key, value] of user.settings) parts.push(` SET ${key} TO '${value.replaceAll("'", "''")}'`);
  const isReturn = user.inline !== null && user.inline.query !== user.source;
  parts.push(isReturn ? `RETURN ${user.source}` : `AS ${dollarQuoted(user.source)}`);
  return `${parts.join('\n')}\n`;
}
