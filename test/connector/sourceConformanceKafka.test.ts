/** The conformance suite over the Kafka source. */
import { describe } from 'vitest';
import { conformance, useMillrace } from './sourceConformance.ts';
import { kafkaFixture } from './sourceFixturesHeavy.ts';

const millrace = useMillrace();
describe('source kafka', () => conformance(kafkaFixture, millrace));
