/** Functions that the executor hands to the session because they need the catalog. */
import { assert, must } from '../common/assert.ts';
import type { Value } from '../common/value.ts';
import type { Session } from './session.ts';
import { SystemCatalog } from './system/index.ts';
import { type CatalogFunctions, lookUps } from './system/lookUps.ts';
import { serverLookUps } from './system/serverLookUps.ts';
import type { SystemView } from './system/systemView.ts';

const handlers: CatalogFunctions = { ...lookUps, ...serverLookUps };

function systemCatalog(session: Session): SystemCatalog {
  const { system } = session.database;
  assert(system instanceof SystemCatalog, 'the system catalog is attached');
  return system;
}

function viewOf(session: Session): SystemView {
  return systemCatalog(session).view(session);
}

/** The result of a catalog function for a session. Arguments are as the function's signature says. */
export function catalogFunction(session: Session, name: string, args: readonly Value[]): Value {
  if (name === 'pg_postmaster_start_time' || name === 'pg_conf_load_time')
    return systemCatalog(session).startTime;
  return must(handlers[name], `catalog function ${name} must have a handler`)(viewOf(session), args);
}
