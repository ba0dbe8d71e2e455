/** The text of a JavaScript body as a module: either it exports its functions, or it is the inside of one. */
import type { RoutineDefinition } from './routine.ts';

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;
const reserved = new Set(
  (
    'arguments await break case catch class const continue debugger default delete do else enum eval export extends ' +
    'false finally for function if implements import in instanceof interface let new null package private protected ' +
    'public return static super switch this throw true try typeof var void while with yield'
  ).split(' '),
);

export const isIdentifier = (name: string): boolean => identifier.test(name) && !reserved.has(name);

const hasExports = (body: string): boolean =>
  /\bexport\s+(?:default|async|function|const|let|class)\b|\bexport\s*\{/.test(body);

export interface ScriptModule {
  readonly text: string;
  /** The export that is called. */
  readonly entry: string;
}

/** A function's module. Line 1 of the body stays line 1. Parameters without a JavaScript name are $1, $2 ... */
export function functionModule({ name, user, returns }: RoutineDefinition): ScriptModule {
  const { source } = user;
  if (hasExports(source)) return { text: source, entry: name };
  const parameters = user.parameters.map((p, i) =>
    p.name !== null && isIdentifier(p.name) ? p.name : `$${i + 1}`,
  );
  const star = returns.kind === 'rows' ? '*' : '';
  const own = isIdentifier(name) ? name : 'anonymous';
  return {
    text: `export default function${star} ${own}(${parameters.join(', ')}) {${source}\n}`,
    entry: 'default',
  };
}

/** The body under another name: a module that exports the function by its old name exports it by the new one, too. */
export function renamedSource({ name, user, kind }: RoutineDefinition, to: string): string {
  const { source, language } = user;
  if (language !== 'javascript' || kind === 'aggregate' || !hasExports(source)) return source;
  if (/\bexport\s+default\b/.test(source) || !isIdentifier(name)) return source;
  return `${source}\nexport { ${name} as ${JSON.stringify(to)} };`;
}

export const aggregateParts = ['create_state', 'accumulate', 'retract', 'finish', 'merge'] as const;

/** An aggregate's module: what it declares by the known names is exported. */
export function aggregateModule(source: string): ScriptModule {
  if (hasExports(source)) return { text: source, entry: '' };
  const declared = aggregateParts.filter((part) =>
    new RegExp(`\\b(?:function\\s*|const\\s+|let\\s+|var\\s+)${part}\\b`).test(source),
  );
  return { text: `${source}\nexport { ${declared.join(', ')} };`, entry: '' };
}
