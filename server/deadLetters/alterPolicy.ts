/** ALTER ... CONNECTOR WITH: other options on records that cannot be used. */
import { SqlError } from '../../common/sqlError.ts';
import type { Option } from '../../parser/ast/common.ts';
import type { Database } from '../database.ts';
import type { SourceObject, TableObject } from '../objects.ts';
import { deadRelationOf } from './deadRelation.ts';
import { defaultLetterPolicy, type LetterPolicy, letterPolicy } from './policy.ts';

/**
 * The policy that these options make of the object's. A source whose rows are not kept is read again by views that are made later:
 * what was left out must not come then, nor the other way round.
 */
export function alteredPolicy(object: SourceObject | TableObject, options: readonly Option[]): LetterPolicy {
  const before = object.source?.letters ?? defaultLetterPolicy;
  const after = letterPolicy(options, before);
  const comesOtherwise = (before.onError === 'null') !== (after.onError === 'null');
  if (object.kind === 'source' && comesOtherwise && object.source.position !== null) {
    const position = options.find((o) => o.name === 'on_error')?.span.start;
    throw new SqlError(
      '0A000',
      `option "on_error" cannot be changed from ${before.onError} to ${after.onError}`,
      {
        ...(position === undefined ? {} : { position }),
        detail: 'What the source has given would come out differently when it is read again.',
        hint: 'skip and fail can be exchanged; a table with the connector can be changed in any way.',
      },
    );
  }
  return after;
}

/** Only inside `exclusive`. */
export function setPolicy(
  database: Database,
  object: SourceObject | TableObject,
  policy: LetterPolicy,
): void {
  if (object.source === null) return;
  object.source.letters = policy;
  const store = deadRelationOf(database, object.id)?.lateStore ?? null;
  if (store === null) return;
  store.retention = policy.retention;
  store.maxRows = policy.maxRows;
}
