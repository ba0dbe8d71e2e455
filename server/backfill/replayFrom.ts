/**
 * `replay_from` of a view over sources: where in what a source has brought the view begins. Everything is read again from the
 * source's start, so that lateness, watermarks and generated columns are decided as they were; what comes before the given
 * position, or before the first row with the given event time, is left out. The place must have been reached when the view is
 * made; since a source gives the same rows again in the same order, every rebuild begins at the same row.
 */
import { types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { parseValue } from '../../common/textIo.ts';
import type { Position } from '../../connector/connector.ts';
import type { Option } from '../../parser/ast/common.ts';
import type { PhysicalPlan, PhysicalScan } from '../../planner/plan/physical.ts';
import { walkPhysical } from '../../planner/plan/walk.ts';
import type { Database } from '../database.ts';
import { messageContext } from '../ingest.ts';
import type { SourceObject } from '../objects.ts';
import type { Admitted } from '../time/lateRow.ts';
import { toUnits } from '../time/units.ts';

export type ReplayFrom =
  | { readonly kind: 'position'; readonly position: Position; readonly text: string }
  | { readonly kind: 'time'; readonly text: string };

/** Where a reader of the source's past is told that it has come to the position. */
export interface ReplayStart {
  readonly position: Position;
  begin(): void;
}

function isPosition(value: unknown): value is Position {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every(
    (v) => ['string', 'number', 'boolean'].includes(typeof v) || isPosition(v),
  );
}

function parsePosition(text: string, position: number): Position {
  let parsed: unknown = null;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = null;
  }
  if (isPosition(parsed)) return parsed;
  throw new SqlError('22023', `invalid value for option "replay_from": "${text}"`, {
    position,
    hint: 'A position is a JSON object, as millrace_catalog.sources shows it.',
  });
}

/** The option of a CREATE MATERIALIZED VIEW with this plan; null: from the start. */
export function replayFromOf(
  options: readonly Option[],
  plan: PhysicalPlan,
  database: Database,
): ReplayFrom | null {
  const option = options.find((o) => o.name === 'replay_from');
  if (option === undefined) return null;
  const position = option.span.start;
  const sources = sourcesOf(plan, database);
  if (sources.length === 0) {
    throw new SqlError('22023', 'option "replay_from" is for views over sources', {
      position,
      hint: 'Tables and views hold their rows now, and not how these came to be.',
    });
  }
  const text = option.value.kind === 'secret' ? '' : String(option.value.value).trim();
  if (text.toLowerCase() === 'earliest') return null;
  if (text.startsWith('{')) {
    if (sources.length > 1) {
      throw new SqlError('22023', 'a position for "replay_from" needs a view over one source', { position });
    }
    return { kind: 'position', position: parsePosition(text, position), text };
  }
  for (const source of sources) timeIn(source, text, position);
  return { kind: 'time', text };
}

function sourcesOf(plan: PhysicalPlan, database: Database): readonly SourceObject[] {
  const sources = new Set<SourceObject>();
  walkPhysical(plan, (node) => {
    if (node.kind !== 'Scan') return;
    const object = database.catalog.byId(node.relation.id);
    if (object?.kind === 'source') sources.add(object);
  });
  return [...sources];
}

/** The time in the units of the source's event time. */
function timeIn({ name, admission, timeZone }: SourceObject, text: string, position?: number): bigint {
  const at = position === undefined ? {} : { position };
  const { rule } = admission;
  if (rule === null) {
    throw new SqlError('22023', `source "${name}" has no event time to find "${text}" by`, {
      ...at,
      hint: `Declare a WATERMARK for it, or give a position (a JSON object), or 'earliest'.`,
    });
  }
  const { type } = rule;
  const isTime =
    type.id === types.timestamptz.id || type.id === types.timestamp.id || type.id === types.date.id;
  const value = parseValue(text, isTime ? type : types.int8, { ...messageContext, timeZone });
  if (value !== null) return toUnits(value);
  throw new SqlError('22023', `invalid value for option "replay_from": "${text}"`, at);
}

/** True for inputs whose rows are not all of the relation's: nobody else can use what is arranged of them. */
export function isReplayedInPart(
  database: Database,
  from: ReplayFrom | null | undefined,
): (scan: PhysicalScan) => boolean {
  if (from === null || from === undefined) return () => false;
  return (scan) => database.catalog.byId(scan.relation.id)?.kind === 'source';
}

/** What of a source's past belongs to a view. */
export class ReplayFilter {
  readonly #source: SourceObject;
  readonly #from: ReplayFrom | null;
  /** Null: the position tells. */
  readonly #time: bigint | null;
  /** Null: from the start, or by time. */
  readonly start: ReplayStart | null = null;
  #begun: boolean;

  constructor(source: SourceObject, from: ReplayFrom | null) {
    this.#source = source;
    this.#from = from;
    this.#begun = from === null;
    this.#time = from?.kind === 'time' ? timeIn(source, from.text) : null;
    if (from?.kind !== 'position') return;
    const begin = (): void => {
      this.#begun = true;
    };
    this.start = { position: from.position, begin };
  }

  take(admitted: Admitted): Pick<Admitted, 'rows' | 'late'> {
    if (this.#begun) return admitted;
    const { rule } = this.#source.admission;
    const time = this.#time;
    if (time === null || rule === null) return { rows: [], late: [] };
    const first = admitted.rows.findIndex((row) => (rule.timeOf(row) ?? time - 1n) >= time);
    if (first < 0) return { rows: [], late: [] };
    this.#begun = true;
    return { rows: admitted.rows.slice(first), late: admitted.late };
  }

  /** Everything has been read. 22023 when the place has not come. */
  end(): void {
    if (this.#begun) return;
    throw new SqlError(
      '22023',
      `source "${this.#source.name}" has not come to ${this.#from?.text ?? ''} yet`,
      {
        hint: "Its position is in millrace_catalog.sources. Leave replay_from out, or use 'earliest', for all that it brings.",
      },
    );
  }
}
