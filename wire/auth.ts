/**
 * Authentication as a step of the start-up sequence. Every client of the loopback interface is trusted; a password
 * exchange becomes further states of this union, driven by Password messages.
 */
import { SqlError } from '../common/sqlError.ts';
import type { StartupParameters } from './port.ts';

export type AuthState = { readonly kind: 'ok' };

/** The first state for a client: what it must still do before a session is opened. */
export function beginAuth(_startup: StartupParameters): AuthState {
  return { kind: 'ok' };
}

/** The refusal when no user name was given. */
export function missingUser(): SqlError {
  return new SqlError('28000', 'no PostgreSQL user name specified in startup packet');
}
