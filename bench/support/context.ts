/** The context of operators in benchmarks: no session, errors of rows end the run. */
import type { EvalContext } from '../../common/function.ts';
import type { TickContext } from '../../executor/operators/operator.ts';
import { type TimeReader, timeWithoutWatermarks } from '../../executor/time.ts';

const refuse = (): never => {
  throw new TypeError('not available in benchmarks');
};

/** A context that goes by `time`; without one the clock stands at the epoch. */
export function benchContext(time: TimeReader = timeWithoutWatermarks(() => 0n)): TickContext {
  const evalContext: EvalContext = {
    timeZone: 'UTC',
    intervalStyle: 'postgres',
    byteaOutput: 'hex',
    extraFloatDigits: 1,
    now: () => time.now(),
    clock: () => time.now(),
    random: () => 0.5,
    randomBytes: (count) => new Uint8Array(count),
    session: {
      user: 'root',
      database: 'dev',
      processId: 1,
      searchPath: () => [],
      setting: () => null,
      setSetting: refuse,
      catalogFunction: refuse,
    },
  };
  return {
    eval: evalContext,
    time,
    rowError: (error) => {
      throw error;
    },
    lateRow: () => {
      throw new TypeError('a row came late');
    },
  };
}
