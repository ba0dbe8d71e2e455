/** Catalog functions. */
import type { Value } from '../common/value.ts';
import type { Session } from './session.ts';

export function catalogFunction(_session: Session, _name: string, _args: readonly Value[]): Value {
  return null;
}
