/** What expressions may ask of their surroundings: of a session, or fixed for a maintained view. */

import type { EvalContext, SessionInfo } from '../common/function.ts';
import { unsupported } from '../common/sqlError.ts';
import type { ObjectNames, TextContext } from '../common/textContext.ts';
import type { LookupConnector } from '../connector/lookup.ts';
import type { SinkConnector } from '../connector/sink.ts';
import type { RemoteEnvironment } from './remote/host.ts';
import type { Settings } from './settings.ts';
import type { ServerClock } from './time/clock.ts';

/** The injected outside world. */
export interface EngineEnvironment {
  readonly serverClock: ServerClock;
  /** The server's clock, microseconds since the epoch. */
  clock(): bigint;
  /** Uniform in [0, 1). */
  random(): number;
  randomBytes(count: number): Uint8Array;
  /** Remote sources; absent: those of the server. */
  readonly remote?: RemoteEnvironment;
  /** Where sinks can write; absent: connector/sinks.ts. */
  readonly sinks?: readonly SinkConnector[];
  /** Where lookup tables can ask; absent: connector/lookups.ts. */
  readonly lookups?: readonly LookupConnector[];
}

/** Session facts of a maintained view: it belongs to no session. */
export function fixedSession(database: string): SessionInfo {
  return {
    user: 'root',
    database,
    processId: 0,
    searchPath: () => ['public'],
    setting: () => null,
    setSetting: () => {},
    catalogFunction: (name) => {
      throw unsupported(`${name}() in a materialized view`);
    },
  };
}

/** The context of a maintained view: a replay of its ticks gives the same values, so the clock is the tick's. */
export function maintainedEvalContext(
  randomness: Pick<EngineEnvironment, 'random' | 'randomBytes'>,
  timeZone: string,
  tickTime: () => bigint,
  session: SessionInfo,
): EvalContext {
  return {
    timeZone,
    now: tickTime,
    intervalStyle: 'postgres',
    byteaOutput: 'hex',
    extraFloatDigits: 1,
    clock: tickTime,
    random: () => randomness.random(),
    randomBytes: (count) => randomness.randomBytes(count),
    session,
  };
}

/** Text forms as the session's settings want them. */
export function sessionTextContext(settings: Settings, now: () => bigint, objects: ObjectNames): TextContext {
  return {
    objects,
    timeZone: settings.value('timezone'),
    now,
    intervalStyle: settings.value('intervalstyle') as TextContext['intervalStyle'],
    byteaOutput: settings.value('bytea_output') === 'escape' ? 'escape' : 'hex',
    extraFloatDigits: Number(settings.value('extra_float_digits')),
  };
}

export function sessionEvalContext(
  environment: EngineEnvironment,
  settings: Settings,
  now: () => bigint,
  session: SessionInfo,
  objects: ObjectNames,
): EvalContext {
  return {
    ...sessionTextContext(settings, now, objects),
    clock: () => environment.clock(),
    random: () => environment.random(),
    randomBytes: (count) => environment.randomBytes(count),
    session,
  };
}
