/** Aggregates against recorded answers of PostgreSQL. */
import { replayRecorded } from '../../harness/recorded.ts';

replayRecorded(new URL('./recorded/', import.meta.url));
