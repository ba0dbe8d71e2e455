/** The conformance suite over the Kafka sink. */
import { describe } from 'vitest';
import { must } from '../../common/assert.ts';
import { conformance } from './sinkConformance.ts';
import { sinkFixtures } from './sinkFixtures.ts';

describe('sink kafka', () => conformance(must(sinkFixtures.find((f) => f.connector === 'kafka'))));
