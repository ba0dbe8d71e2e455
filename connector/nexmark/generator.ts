/**
 * Nexmark events by number: event n is a pure function of n and the configuration. Ids, skews and sizes follow the
 * reference generator, so event n equals its event n; timestamps are exact where the reference rounds in float32.
 */
import type { Row } from '../../common/value.ts';
import { EventRandom } from './random.ts';

export interface NexmarkConfig {
  readonly personProportion: number;
  readonly auctionProportion: number;
  readonly bidProportion: number;
  readonly activePeople: number;
  readonly inFlightAuctions: number;
  readonly outOfOrderGroupSize: number;
  readonly avgPersonBytes: number;
  readonly avgAuctionBytes: number;
  readonly avgBidBytes: number;
  readonly hotSellerRatio: number;
  readonly hotAuctionRatio: number;
  readonly hotBidderRatio: number;
  readonly hotChannelRatio: number;
  readonly firstEventId: number;
  readonly firstEventNumber: number;
  readonly numCategories: number;
  readonly auctionIdLead: number;
  readonly personIdLead: number;
  readonly firstAuctionId: number;
  readonly firstPersonId: number;
  readonly firstCategoryId: number;
  /** Events per second of event time. */
  readonly firstEventRate: number;
  readonly usPerUnit: number;
  readonly baseTimeMs: number;
  readonly usStates: readonly string[];
  readonly usCities: readonly string[];
  readonly firstNames: readonly string[];
  readonly lastNames: readonly string[];
  readonly hotChannels: readonly string[];
}

export type EventType = 'person' | 'auction' | 'bid';

/** Every hundredth seller, auction, bidder is hot. */
const HOT = 100;
const CHANNELS = 10_000;

function baseUrl(random: EventRandom, seed: number): string {
  random.seed(seed);
  const part = (): string => {
    const length = 3 + random.below64(2);
    let text = '';
    for (let i = 0; i < length; i++)
      text += random.below32(13) === 0 ? '_' : String.fromCharCode(97 + random.letterIndex());
    return text;
  };
  return `https://www.nexmark.com/${part()}/${part()}/${part()}/item.htm?query=1`;
}

function reverseBits(n: number): number {
  let r = 0;
  for (let i = 0; i < 32; i++) r = (r << 1) | ((n >>> i) & 1);
  return r | 0;
}

/** Channel N and its URL, for the cold half of the bids. */
function buildChannels(): readonly (readonly [channel: string, url: string])[] {
  const random = new EventRandom();
  return Array.from({ length: CHANNELS }, (_, i) => {
    let url = baseUrl(random, i);
    random.seed(i);
    if (random.below32(10) > 0) url += `&channel_id=${Math.abs(reverseBits(i))}`;
    return [`channel-${i}`, url] as const;
  });
}

let channels: readonly (readonly [channel: string, url: string])[] | null = null;

export class NexmarkGenerator {
  readonly #config: NexmarkConfig;
  readonly #random = new EventRandom();
  readonly #total: number;
  readonly #hotUrls: readonly string[];
  readonly #delayUs: number;
  readonly #channels: readonly (readonly [channel: string, url: string])[];

  constructor(config: NexmarkConfig) {
    this.#config = config;
    this.#total = config.personProportion + config.auctionProportion + config.bidProportion;
    this.#hotUrls = config.hotChannels.map((_, i) => baseUrl(this.#random, i));
    this.#delayUs = config.usPerUnit / config.firstEventRate;
    channels ??= buildChannels();
    this.#channels = channels;
  }

  /** Number of the event that is emitted as the `n`th: permuted within groups. */
  adjusted(n: number): number {
    const g = this.#config.outOfOrderGroupSize;
    const number = this.#config.firstEventNumber + n;
    return g === 1 ? number : Math.floor(number / g) * g + ((number * 953) % g);
  }

  type(number: number): EventType {
    const rest = number % this.#total;
    if (rest < this.#config.personProportion) return 'person';
    return rest < this.#config.personProportion + this.#config.auctionProportion ? 'auction' : 'bid';
  }

  /** Event time in milliseconds since the epoch. */
  timeMs(number: number): number {
    return this.#config.baseTimeMs + Math.round((number * this.#delayUs) / 1000);
  }

  /** The event's columns; its type is `type(number)`. */
  event(number: number): Row {
    const id = this.#config.firstEventId + number;
    switch (this.type(number)) {
      case 'person':
        return this.#person(number, id);
      case 'auction':
        return this.#auction(number, id);
      case 'bid':
        return this.#bid(number, id);
    }
  }

  #choose(list: readonly string[]): string {
    return list[this.#random.below32(list.length)] ?? '';
  }

  #micros(ms: number): bigint {
    return BigInt(ms) * 1000n;
  }

  /** Padding up to the average size, give or take a fifth. */
  #extra(size: number, average: number): string {
    if (size > average) return '';
    const wanted = average - size;
    const delta = Math.floor((wanted + 2) / 5);
    return this.#random.letters(wanted - delta + (delta === 0 ? 0 : this.#random.below64(2 * delta)));
  }

  #price(): number {
    const power = Math.fround(this.#random.float32() * 6);
    return Math.round(Math.fround(Math.fround(10 ** power) * 100));
  }

  #lastPerson(id: number): number {
    const epoch = Math.floor(id / this.#total);
    return (
      epoch * this.#config.personProportion + Math.min(id % this.#total, this.#config.personProportion - 1)
    );
  }

  #nextPerson(id: number): number {
    const people = this.#lastPerson(id) + 1;
    const active = Math.min(people, this.#config.activePeople);
    return people - active + this.#random.below64(active + this.#config.personIdLead);
  }

  #lastAuction(id: number): number {
    const { personProportion, auctionProportion } = this.#config;
    let epoch = Math.floor(id / this.#total);
    let offset = id % this.#total;
    if (offset < personProportion) {
      epoch--;
      offset = auctionProportion - 1;
    } else if (personProportion + auctionProportion <= offset) {
      offset = auctionProportion - 1;
    } else {
      offset -= personProportion;
    }
    return epoch * auctionProportion + offset;
  }

  #nextAuction(id: number): number {
    const last = this.#lastAuction(id);
    const first = Math.max(0, last - this.#config.inFlightAuctions);
    return first + this.#random.below64(last - first + 1 + this.#config.auctionIdLead);
  }

  #person(number: number, id: number): Row {
    const c = this.#config;
    const r = this.#random;
    r.seed(id);
    const name = `${this.#choose(c.firstNames)} ${this.#choose(c.lastNames)}`;
    const email = `${r.letters(7)}@${r.letters(5)}.com`;
    const four = (): string => String(r.below32(10_000)).padStart(4, '0');
    const card = `${four()} ${four()} ${four()} ${four()}`;
    const city = this.#choose(c.usCities);
    const state = this.#choose(c.usStates);
    const size = 8 + name.length + email.length + card.length + city.length + state.length;
    const extra = this.#extra(size, c.avgPersonBytes);
    const personId = BigInt(this.#lastPerson(id) + c.firstPersonId);
    return [personId, name, email, card, city, state, this.#micros(this.timeMs(number)), extra];
  }

  #auction(number: number, id: number): Row {
    const c = this.#config;
    const r = this.#random;
    r.seed(id);
    const item = r.letters(20);
    const description = r.letters(100);
    const initialBid = this.#price();
    const reserve = initialBid + this.#price();
    const time = this.timeMs(number);
    const ahead = Math.floor((c.inFlightAuctions * this.#total) / c.auctionProportion);
    const horizon = this.timeMs(number + ahead) - time;
    const expires = time + 1 + r.below64(Math.max(1, horizon * 2));
    const seller =
      r.below64(c.hotSellerRatio) > 0 ? Math.floor(this.#lastPerson(id) / HOT) * HOT : this.#nextPerson(id);
    const category = c.firstCategoryId + r.below64(c.numCategories);
    const extra = this.#extra(8 + item.length + description.length + 40, c.avgAuctionBytes);
    return [
      BigInt(this.#lastAuction(id) + c.firstAuctionId),
      item,
      description,
      BigInt(initialBid),
      BigInt(reserve),
      this.#micros(time),
      this.#micros(expires),
      BigInt(seller + c.firstPersonId),
      BigInt(category),
      extra,
    ];
  }

  #bid(number: number, id: number): Row {
    const c = this.#config;
    const r = this.#random;
    r.seed(id);
    const auction =
      r.below64(c.hotAuctionRatio) > 0
        ? Math.floor(this.#lastAuction(id) / HOT) * HOT
        : this.#nextAuction(id);
    const bidder =
      r.below64(c.hotBidderRatio) > 0
        ? Math.floor(this.#lastPerson(id) / HOT) * HOT + 1
        : this.#nextPerson(id);
    const price = this.#price();
    let channel: string;
    let url: string;
    if (r.below64(c.hotChannelRatio) > 0) {
      const i = r.below64(c.hotChannels.length);
      channel = c.hotChannels[i] ?? '';
      url = this.#hotUrls[i] ?? '';
    } else {
      [channel, url] = this.#channels[r.below32(CHANNELS)] ?? ['', ''];
    }
    const extra = this.#extra(32, c.avgBidBytes);
    return [
      BigInt(auction + c.firstAuctionId),
      BigInt(bidder + c.firstPersonId),
      BigInt(price),
      channel,
      url,
      this.#micros(this.timeMs(number)),
      extra,
    ];
  }
}
