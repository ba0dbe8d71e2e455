/**
 * What a checkpoint consists of, piece by piece, each under a name that a restart finds again: object ids are stable, and a
 * view's operators come in the order in which its plan makes them.
 */
import type { SharedArrangement } from '../../executor/arrangements.ts';
import { MaterializeOperator } from '../../executor/operators/materialize.ts';
import type { Persistent } from '../../storage/state/persist.ts';
import type { Database } from '../database.ts';
import type { CatalogObject, MaterializedViewObject } from '../objects.ts';
import { viewFingerprint } from './fingerprint.ts';
import { engineState, sourceState, tableState, viewState } from './objectState.ts';

export interface Piece {
  readonly name: string;
  readonly state: Persistent;
}

export const ENGINE = 'engine';
export const ERRORS = 'errors';
export const JOBS = 'jobs';
export const rowsName = (id: number): string => `rows/${id}`;
export const objectName = (id: number): string => `object/${id}`;
/** Of the relation's rows by a key. */
export const arrangementName = ({ relation, columns, key }: SharedArrangement): string =>
  `arrangement/${relation.id}/${columns.join('-')}/${key.columns.join('-')}/${key.nullSafe.map(Number).join('')}`;
export const operatorName = (id: number, at: number): string => `operator/${id}/${at}`;

/** Everything, as it is now. */
export function* contents(database: Database): Generator<Piece> {
  yield { name: ENGINE, state: engineState(database) };
  yield { name: ERRORS, state: database.rowErrors };
  yield { name: JOBS, state: database.jobs };
  for (const object of database.catalog.objects()) yield* objectPieces(database, object);
  for (const arrangement of database.arrangements.list()) {
    yield { name: arrangementName(arrangement), state: arrangement.operator.persistent };
  }
}

function* objectPieces(database: Database, object: CatalogObject): Generator<Piece> {
  switch (object.kind) {
    case 'table':
      yield { name: rowsName(object.id), state: object.store };
      yield { name: objectName(object.id), state: tableState(database, object) };
      return;
    case 'source':
      yield { name: objectName(object.id), state: sourceState(database, object) };
      return;
    case 'materialized view':
      yield { name: objectName(object.id), state: viewState(object, fingerprintOf(object)) };
      if (object.paused === null) yield* viewPieces(object);
      return;
    case 'sink':
      yield { name: objectName(object.id), state: object.runtime };
      return;
    case 'view':
    case 'index':
      return;
  }
}

/** Empty where an operator holds rows that it cannot save: such a view is built again. */
function fingerprintOf(view: MaterializedViewObject): string {
  for (const { operator } of view.nodes) {
    if (operator === null || operator instanceof MaterializeOperator) continue;
    if (operator.persistent === undefined && operator.stateRows() > 0) return '';
  }
  return viewFingerprint(view.planned.plan, view.nodes);
}

function* viewPieces(view: MaterializedViewObject): Generator<Piece> {
  yield { name: rowsName(view.id), state: view.store };
  let at = 0;
  for (const { operator } of view.nodes) {
    const state = operator?.persistent;
    if (state !== undefined) yield { name: operatorName(view.id, at), state };
    at++;
  }
}
