/** The `nexmark` source: options, schemas, throttling. Position: number of global offsets read. */
import { types } from '../../common/dataType.ts';
import type { Row } from '../../common/value.ts';
import type {
  OptionSpec,
  Position,
  SourceConfig,
  SourceConnector,
  SourceReader,
  SourceRows,
} from '../connector.ts';
import { type EventType, type NexmarkConfig, NexmarkGenerator } from './generator.ts';

const column = (name: string, type: (typeof types)[keyof typeof types]) => ({ name, type });

const person = [
  column('id', types.int8),
  column('name', types.varchar),
  column('email_address', types.varchar),
  column('credit_card', types.varchar),
  column('city', types.varchar),
  column('state', types.varchar),
  column('date_time', types.timestamp),
  column('extra', types.varchar),
];
const auction = [
  column('id', types.int8),
  column('item_name', types.varchar),
  column('description', types.varchar),
  column('initial_bid', types.int8),
  column('reserve', types.int8),
  column('date_time', types.timestamp),
  column('expires', types.timestamp),
  column('seller', types.int8),
  column('category', types.int8),
  column('extra', types.varchar),
];
const bid = [
  column('auction', types.int8),
  column('bidder', types.int8),
  column('price', types.int8),
  column('channel', types.varchar),
  column('url', types.varchar),
  column('date_time', types.timestamp),
  column('extra', types.varchar),
];
const combined = [
  column('event_type', types.int8),
  { name: 'person', type: { id: 'struct' as const, fields: person } },
  { name: 'auction', type: { id: 'struct' as const, fields: auction } },
  { name: 'bid', type: { id: 'struct' as const, fields: bid } },
];

const integer = (name: string, value: number | string, doc: string): OptionSpec => ({
  name: `nexmark.${name}`,
  type: 'integer',
  default: String(value),
  doc,
});
const list = (name: string, value: string, doc: string): OptionSpec => ({
  name: `nexmark.${name}`,
  type: 'list',
  default: value,
  doc,
});
const text = (name: string, doc: string, choices: readonly string[]): OptionSpec => ({
  name: `nexmark.${name}`,
  type: 'string',
  choices,
  doc,
});

const options: readonly OptionSpec[] = [
  text('table.type', 'Person, Auction or Bid; without it the combined stream.', ['Person', 'Auction', 'Bid']),
  integer('split.num', 1, 'Partitions; the set of events does not depend on it.'),
  {
    name: 'nexmark.event.num',
    type: 'integer',
    doc: 'Stop when the global offset (all three types) reaches this.',
  },
  integer('max.chunk.size', 1024, 'Accepted.'),
  integer('min.event.gap.in.ns', 100_000, 'Least wall-clock time per global offset; 0: as fast as possible.'),
  {
    name: 'nexmark.use.real.time',
    type: 'boolean',
    default: 'false',
    doc: 'Emit events at the pace of their timestamps.',
  },
  integer('person.proportion', 1, 'Persons per cycle.'),
  integer('auction.proportion', 3, 'Auctions per cycle.'),
  integer('bid.proportion', 46, 'Bids per cycle.'),
  integer('active.people', 1000, 'People that bid and sell.'),
  integer('in.flight.auctions', 100, 'Auctions that are open.'),
  integer('out.of.order.group.size', 1, 'Events are permuted within groups of this size.'),
  integer('avg.person.byte.size', 200, 'Average size of a person.'),
  integer('avg.auction.byte.size', 500, 'Average size of an auction.'),
  integer('avg.bid.byte.size', 100, 'Average size of a bid.'),
  integer('hot.seller.ratio', 4, 'One in this many auctions is not of a hot seller.'),
  integer('hot.auction.ratio', 2, 'One in this many bids is not on a hot auction.'),
  integer('hot.bidder.ratio', 4, 'One in this many bids is not by a hot bidder.'),
  integer('hot.channel.ratio', 2, 'One in this many bids is not on a hot channel.'),
  integer('first.event.id', 0, 'Id of the first event.'),
  integer('first.event.number', 0, 'Number of the first event.'),
  integer('num.categories', 5, 'Auction categories.'),
  integer('auction.id.lead', 10, 'Bids may name auctions this far ahead.'),
  integer('person.id.lead', 10, 'Auctions and bids may name people this far ahead.'),
  integer('first.auction.id', 1000, 'Lowest auction id.'),
  integer('first.person.id', 1000, 'Lowest person id.'),
  integer('first.category.id', 10, 'Lowest category.'),
  integer('first.event.rate', 10_000, 'Events per second of event time.'),
  integer('next.event.rate', 10_000, 'Accepted: the first rate holds throughout.'),
  text('rate.shape', 'Accepted.', ['sine', 'square']),
  integer('rate.period', 600, 'Accepted.'),
  integer('sine.approx.steps', 10, 'Accepted.'),
  integer('us.per.unit', 1_000_000, 'Microseconds per unit of the rate.'),
  {
    name: 'nexmark.base.time',
    type: 'integer',
    default: '1436918400000',
    doc: 'Event time of event 0, in ms since the epoch.',
  },
  integer('threads', 1, 'Accepted.'),
  integer('hot.seller.ratio.2', 4, 'Accepted.'),
  integer('hot.auction.ratio.2', 2, 'Accepted.'),
  integer('hot.bidder.ratio.2', 4, 'Accepted.'),
  integer('events.per.sec', 0, 'Accepted.'),
  list('us.states', 'az,ca,id,or,wa,wy', 'States.'),
  list(
    'us.cities',
    'phoenix,los angeles,san francisco,boise,portland,bend,redmond,seattle,kent,cheyenne',
    'Cities.',
  ),
  list('first.names', 'peter,paul,luke,john,saul,vicky,kate,julie,sarah,deiter,walter', 'First names.'),
  list('last.names', 'shultz,abrams,spencer,white,bartels,walton,smith,jones,noris', 'Last names.'),
];

const lists = (value: string | undefined): readonly string[] => (value ?? '').split(',').map((s) => s.trim());

/** The generator's configuration from validated options. */
export function nexmarkConfig(given: ReadonlyMap<string, string>): NexmarkConfig {
  const value = (name: string): string | undefined =>
    given.get(`nexmark.${name}`) ?? options.find((o) => o.name === `nexmark.${name}`)?.default;
  const int = (name: string): number => Number(value(name));
  return {
    personProportion: int('person.proportion'),
    auctionProportion: int('auction.proportion'),
    bidProportion: int('bid.proportion'),
    activePeople: int('active.people'),
    inFlightAuctions: int('in.flight.auctions'),
    outOfOrderGroupSize: int('out.of.order.group.size'),
    avgPersonBytes: int('avg.person.byte.size'),
    avgAuctionBytes: int('avg.auction.byte.size'),
    avgBidBytes: int('avg.bid.byte.size'),
    hotSellerRatio: int('hot.seller.ratio'),
    hotAuctionRatio: int('hot.auction.ratio'),
    hotBidderRatio: int('hot.bidder.ratio'),
    hotChannelRatio: int('hot.channel.ratio'),
    firstEventId: int('first.event.id'),
    firstEventNumber: int('first.event.number'),
    numCategories: int('num.categories'),
    auctionIdLead: int('auction.id.lead'),
    personIdLead: int('person.id.lead'),
    firstAuctionId: int('first.auction.id'),
    firstPersonId: int('first.person.id'),
    firstCategoryId: int('first.category.id'),
    firstEventRate: int('first.event.rate'),
    usPerUnit: int('us.per.unit'),
    baseTimeMs: int('base.time'),
    usStates: lists(value('us.states')),
    usCities: lists(value('us.cities')),
    firstNames: lists(value('first.names')),
    lastNames: lists(value('last.names')),
    hotChannels: ['Google', 'Facebook', 'Baidu', 'Apple'],
  };
}

class NexmarkReader implements SourceReader {
  readonly #generator: NexmarkGenerator;
  readonly #type: EventType | null;
  readonly #end: number;
  readonly #gapNs: number;
  readonly #realTime: boolean;
  readonly #clock: () => bigint;
  readonly #startOffset: number;
  readonly #splits: number;
  #startedAt: bigint | null = null;
  #offset: number;

  constructor(config: SourceConfig, from: Position | null) {
    this.#generator = new NexmarkGenerator(nexmarkConfig(config.options));
    const type = config.options.get('nexmark.table.type');
    this.#type = type === undefined ? null : (type.toLowerCase() as EventType);
    this.#end = Number(config.options.get('nexmark.event.num') ?? Number.MAX_SAFE_INTEGER);
    this.#gapNs = Number(config.options.get('nexmark.min.event.gap.in.ns') ?? 100_000);
    this.#realTime = config.options.get('nexmark.use.real.time') === 'true';
    this.#clock = config.clock;
    this.#splits = splitsOf(config.options);
    this.#offset = from === null ? 0 : Number(from.offset);
    this.#startOffset = this.#offset;
  }

  /** The offset up to which the throttle lets us read. */
  #allowed(): number {
    const now = this.#clock();
    this.#startedAt ??= now;
    const elapsedUs = Number(now - this.#startedAt);
    if (this.#realTime) {
      const first = this.#generator.timeMs(this.#startOffset);
      let n = this.#offset;
      while ((this.#generator.timeMs(n) - first) * 1000 <= elapsedUs && n - this.#offset < 100_000) n++;
      return n;
    }
    if (this.#gapNs === 0) return Number.MAX_SAFE_INTEGER;
    return this.#startOffset + Math.floor((elapsedUs * 1000) / this.#gapNs) + 1;
  }

  poll(maxRows: number, until: Position | null): SourceRows | null {
    const limit = Math.min(this.#end, until === null ? this.#allowed() : Number(until.offset));
    if (this.#offset >= limit) return null;
    const rows: Row[] = [];
    const partitions: string[] | null = this.#splits > 1 ? [] : null;
    // Offsets of other types count too: stop after a bounded number of them.
    const scanEnd = Math.min(limit, this.#offset + maxRows * 50);
    while (this.#offset < scanEnd && rows.length < maxRows) {
      const offset = this.#offset++;
      const number = this.#generator.adjusted(offset);
      const type = this.#generator.type(number);
      if (this.#type !== null && type !== this.#type) continue;
      const event = this.#generator.event(number);
      rows.push(this.#type === null ? combinedRow(type, event) : event);
      partitions?.push(String(offset % this.#splits));
    }
    return { rows, partitions, bad: [], position: { offset: this.#offset } };
  }

  nextPollMicros(): bigint | null {
    if (this.#offset >= this.#end) return null;
    if (this.#gapNs === 0 && !this.#realTime) return 0n;
    return this.#clock() + 1000n;
  }

  close(): void {}
}

function splitsOf(options: ReadonlyMap<string, string>): number {
  return Math.max(1, Number(options.get('nexmark.split.num') ?? 1));
}

function combinedRow(type: EventType, row: Row): Row {
  return [
    type === 'person' ? 0n : type === 'auction' ? 1n : 2n,
    type === 'person' ? row : null,
    type === 'auction' ? row : null,
    type === 'bid' ? row : null,
  ];
}

const schemas = { person, auction, bid } as const;

export const nexmark: SourceConnector = {
  name: 'nexmark',
  doc: 'Events of the Nexmark auction benchmark, generated deterministically.',
  options,
  formats: ['NATIVE', 'PLAIN BYTES'],
  appendOnly: true,
  fixedColumns(given) {
    const type = given.get('nexmark.table.type');
    return type === undefined ? combined : schemas[type.toLowerCase() as EventType];
  },
  partitions: (given) => Array.from({ length: splitsOf(given) }, (_, i) => String(i)),
  open: (config, from) => new NexmarkReader(config, from),
  currentEnd(config) {
    const end = config.options.get('nexmark.event.num');
    return end === undefined ? null : { offset: Number(end) };
  },
};
