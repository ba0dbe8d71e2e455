/** Waits for other servers that a statement can be cancelled in. */
import { SqlError } from '../../common/sqlError.ts';

const POLL_MS = 50;

/**
 * The result of `work`, or what `check` throws when nobody waits any more (a cancellation, the statement's timeout). What is under way
 * then ends by itself; `unwanted` takes back what comes of it.
 */
export function cancellable<T>(
  work: Promise<T>,
  check: () => void,
  unwanted: (result: T) => unknown = () => {},
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let left = false;
    const timer = setInterval(() => {
      try {
        check();
      } catch (error) {
        left = true;
        clearInterval(timer);
        reject(error instanceof Error ? error : new SqlError('57014', String(error)));
      }
    }, POLL_MS);
    work.then(
      (result) => {
        clearInterval(timer);
        if (left)
          Promise.resolve(result)
            .then(unwanted)
            .catch(() => {});
        else resolve(result);
      },
      (error: unknown) => {
        clearInterval(timer);
        reject(error);
      },
    );
  });
}
