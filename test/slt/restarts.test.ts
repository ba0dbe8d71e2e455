/** The SQL tests, while the server is stopped and started, or killed, between their records. */
import { describe } from 'vitest';
import { testFiles } from './scenarios.ts';

describe.each(['restart', 'crash'] as const)('%s', testFiles);
