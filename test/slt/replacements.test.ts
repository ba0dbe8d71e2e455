/** The SQL tests, while another server goes on from a backup, or every view is replaced by itself, between their records. */
import { describe } from 'vitest';
import { testFiles } from './scenarios.ts';

describe.each(['backup', 'replace'] as const)('%s', testFiles);
