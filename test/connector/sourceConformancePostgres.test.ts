/** The conformance suite over what reads PostgreSQL's stream of changes, and over lookups. */
import { describe } from 'vitest';
import { conformance } from './sourceConformance.ts';
import { lookupConformance, lookupFixtures } from './sourceConformanceLookups.ts';
import { useMillrace } from './sourceConformanceMillrace.ts';
import { cdcFixture } from './sourceFixturesHeavy.ts';

const millrace = useMillrace();
describe('source postgres-cdc', () => conformance(cdcFixture, millrace));
for (const fixture of lookupFixtures) {
  describe(`lookup ${fixture.connector}`, () => lookupConformance(fixture, millrace));
}
