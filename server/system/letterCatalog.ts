/** What sources could not use: dead letters, fields that are not as their columns are, and the counts of both. */
import { deadRelationOf } from '../deadLetters/deadRelation.ts';
import { letterText, letterValue } from '../deadLetters/letterRow.ts';
import { lateStoreOf } from '../time/lateStore.ts';
import type { ColumnSpecs, Fields, RowSources } from './definition.ts';
import { fedObjects } from './millraceCatalog.ts';
import type { SystemView } from './systemView.ts';

export const letterColumns: ColumnSpecs = {
  source_errors: {
    id: 12403,
    kind: 'v',
    columns:
      'source_id oid!, source text!, position text!, raw text!, message text!, sqlstate text!, at timestamptz!',
  },
  source_drift: {
    id: 12460,
    kind: 'v',
    columns:
      'source_id oid!, source text!, field text, kind text!, count int8!, first_at timestamptz!, last_at timestamptz!, sample text',
  },
  dead_letters: {
    id: 12461,
    kind: 'v',
    columns:
      'source_id oid!, source text!, relation text!, on_error text!, bad_records int8!, nulled_fields int8!, retained int8!, dropped int8!',
  },
};

/** Records that did not come, as text; the newest, as far as they are kept. */
function* sourceErrors(view: SystemView): Generator<Fields> {
  for (const { object, source } of fedObjects(view)) {
    const of = { source_id: object.id, source: object.name };
    for (const { position, raw, message, state, at } of source.bad.entries()) {
      yield { ...of, position, raw, message, sqlstate: state, at };
    }
    const relation = deadRelationOf(view.database, object.id);
    if (relation === null) continue;
    for (const letter of lateStoreOf(relation).rows()) {
      if (letterValue(letter, 'outcome') === 'nulled') continue;
      yield {
        ...of,
        ...letterText(letter),
        message: letterValue(letter, 'reason'),
        sqlstate: letterValue(letter, 'sqlstate'),
        at: letterValue(letter, 'at'),
      };
    }
  }
}

function* sourceDrift(view: SystemView): Generator<Fields> {
  for (const { object, source } of fedObjects(view)) {
    for (const { kind, field, count, firstAt, lastAt, sample } of source.bad.drift.entries()) {
      yield {
        source_id: object.id,
        source: object.name,
        field,
        kind,
        count,
        first_at: firstAt,
        last_at: lastAt,
        sample,
      };
    }
  }
}

function* deadLetters(view: SystemView): Generator<Fields> {
  for (const { object, source } of fedObjects(view)) {
    const relation = deadRelationOf(view.database, object.id);
    if (relation === null) continue;
    const store = lateStoreOf(relation);
    yield {
      source_id: object.id,
      source: object.name,
      relation: `${relation.schema}.${relation.name}`,
      on_error: source.letters.onError,
      bad_records: source.bad.total,
      nulled_fields: source.bad.nulled,
      retained: BigInt(store.retained),
      dropped: BigInt(store.dropped),
    };
  }
}

export const letterCatalog: RowSources = {
  source_errors: sourceErrors,
  source_drift: sourceDrift,
  dead_letters: deadLetters,
};
