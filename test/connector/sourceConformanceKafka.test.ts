/** The conformance suite over the Kafka source. */
import { describe } from 'vitest';
import { conformance } from './sourceConformance.ts';
import { useMillrace } from './sourceConformanceMillrace.ts';
import { kafkaFixture } from './sourceFixturesHeavy.ts';

const millrace = useMillrace();
describe('source kafka', () => conformance(kafkaFixture, millrace));
