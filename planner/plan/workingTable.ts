/**
 * The working table of WITH RECURSIVE as a relation: what the recursive term scans where it names itself. It is known to
 * no catalog, and neither are the stand-ins for what else the term reads; ids below zero tell them from real ones.
 */
import type { RelationEntry } from '../../common/catalog.ts';
import type { Schema } from '../../common/dataType.ts';
import type { LogicalPlan } from './logical.ts';

let lastId = 0;

/** A relation that only its recursion knows. */
export function workingTable(name: string, columns: Schema): RelationEntry {
  lastId -= 1;
  return {
    id: lastId,
    schema: '',
    name,
    kind: 'view',
    columns,
    key: null,
    declaredKey: false,
    appendOnly: false,
    watermark: null,
    watermarked: [],
    processTime: [],
    indexes: [],
    definition: null,
    searchPath: [],
    rowCount: () => 0,
  };
}

/** True for the relations made here. */
export const isWorkingTable = (relation: Pick<RelationEntry, 'id'>): boolean => relation.id < 0;

/** All columns of it. */
export function scanOf(relation: RelationEntry): LogicalPlan {
  return {
    kind: 'Scan',
    relation,
    columns: [...relation.columns.keys()],
    schema: relation.columns,
  };
}
