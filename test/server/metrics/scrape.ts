/** A reader of Prometheus' text format that accepts nothing but it. */
import { expect } from 'vitest';
import { must } from '../../../common/assert.ts';

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Scrape {
  readonly kinds: ReadonlyMap<string, string>;
  readonly series: readonly Series[];
  /** Value of the only series of that name with these labels among its own; undefined: there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = `([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\\\\n]|\\\\[\\\\"n])*)"`;
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (\\S+)$`);

function labelsOf(text: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (const [, name = '', value = ''] of text.matchAll(new RegExp(LABEL, 'g'))) {
    expect(labels[name], `${name} is there twice`).toBeUndefined();
    labels[name] = value.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
  }
  return labels;
}

function numberOf(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  expect(text).toMatch(/^-?\d+(\.\d+)?(e[+-]?\d+)?$/);
  return Number(text);
}

/** The metric that a series belongs to: a histogram has several. */
function metricOf(name: string, kinds: ReadonlyMap<string, string>): string {
  const base = name.replace(/_(bucket|sum|count)$/, '');
  return kinds.get(base) === 'histogram' ? base : name;
}

/** Reads it, and fails the test where it is not as the format wants it. */
export function parse(text: string): Scrape {
  expect(text.endsWith('\n')).toBe(true);
  const kinds = new Map<string, string>();
  const helps = new Set<string>();
  const series: Series[] = [];
  const seen = new Set<string>();
  let current = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line);
    if (comment !== null) {
      const [, kind, name = '', rest = ''] = comment;
      if (kind === 'HELP') {
        expect(helps.has(name), `${name} is described twice`).toBe(false);
        helps.add(name);
      } else {
        expect(['counter', 'gauge', 'histogram']).toContain(rest);
        expect(helps.has(name), name).toBe(true);
        kinds.set(name, rest);
        current = name;
      }
      continue;
    }
    const sample = must(SAMPLE.exec(line), `not a sample: ${line}`);
    const [, name = '', labels = ''] = sample;
    // All lines of a metric are together, after its type.
    expect(metricOf(name, kinds), line).toBe(current);
    expect(seen.has(`${name}{${labels}}`), line).toBe(false);
    seen.add(`${name}{${labels}}`);
    series.push({ name, labels: labelsOf(labels), value: numberOf(sample.at(-1) ?? '') });
  }
  const value = (name: string, labels: Readonly<Record<string, string>> = {}): number | undefined => {
    const found = series.filter(
      (s) => s.name === name && Object.entries(labels).every(([label, v]) => s.labels[label] === v),
    );
    expect(found.length, `${name} ${JSON.stringify(labels)}`).toBeLessThanOrEqual(1);
    return found[0]?.value;
  };
  return { kinds, series, value };
}

/** GET /metrics of a server. */
export async function scrape(http: string): Promise<Scrape> {
  const response = await fetch(`${http}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return parse(await response.text());
}
