/** Bounds on how long the server waits for a target: one that hangs holds up no statement, no other sink and no shutdown. */
import type { SinkWriter } from '../../connector/sink.ts';

/** Opening, and asking how far the target is. Connectors have shorter ones of their own. */
export const OPEN_MS = 60_000;
/** Beginning, writing a batch, preparing, committing: each. */
export const STEP_MS = 300_000;
export const CLOSE_MS = 5_000;

/** The result of `work`; rejects when it has not come after so long. What is still under way then is forgotten. */
export function inTime<T>(work: Promise<T>, millis: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the target has not answered within ${millis / 1000} s (${what})`)),
      millis,
    );
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** Closes the writer, or lets it be. */
export async function closeInTime(writer: SinkWriter, millis = CLOSE_MS): Promise<void> {
  await inTime(writer.close(), millis, 'closing').catch(() => {});
}
