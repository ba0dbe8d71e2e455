/**
 * What of an MQTT session is on its way between the broker, this process and the journal. Packets are answered when what they
 * brought is durable: `turn` numbers the positions that are handed out, and an answer waits for the turn that holds its effect.
 *
 * QoS 1: PUBACK after the message is durable. A packet that comes again (DUP) while its id is unanswered is the same message and is
 * left out; after an answer that may not have arrived, it cannot be told and comes again.
 * QoS 2: PUBREC after the message and its id are durable; PUBCOMP after it is durable that the id is free again. So an id that the
 * position holds always means the message that is in the journal, and each message comes once as long as the session lives.
 */
import type { IPublishPacket, Packet } from 'mqtt-packet';

/** A message whose answer is outstanding. */
interface Held {
  readonly id: number;
  readonly qos: 1 | 2;
  /** It is in the journal. */
  durable: boolean;
  /** It has been handed out. */
  out: boolean;
}

interface Waiting {
  readonly turn: number;
  readonly run: () => void;
}

export class MqttSession {
  /** By packet id. */
  readonly #held = new Map<number, Held>();
  #waiting: Waiting[] = [];
  /** Effects that no position holds yet. */
  #next: (() => void)[] = [];
  #turn: number;
  #send: ((packet: Packet) => void) | null = null;
  /** Ids whose PUBREL is durable or on its way there, and unanswered. */
  readonly #freeing = new Set<number>();

  constructor(turn: number, ids: readonly number[]) {
    this.#turn = turn;
    for (const id of ids) this.#held.set(id, { id, qos: 2, durable: true, out: true });
  }

  /** From now on answers go there; null: there is no connection. */
  attach(send: ((packet: Packet) => void) | null): void {
    this.#send = send;
  }

  /** The broker does not know the session any more: ids mean nothing. */
  forget(): void {
    this.#held.clear();
    this.#freeing.clear();
  }

  get holds(): boolean {
    return this.#held.size > 0;
  }

  /** Something is to be made durable although no message has come. */
  get moved(): boolean {
    return this.#next.length > 0;
  }

  /** Runs `action` when what is known now is durable. */
  whenDurable(action: () => void): void {
    this.#next.push(action);
  }

  /** True: a new message. False: one that was there before. */
  publish(packet: IPublishPacket): boolean {
    const { messageId: id, qos } = packet;
    if (qos === 0 || id === undefined) return true;
    const known = this.#held.get(id);
    if (known !== undefined && known.qos === qos) {
      if (known.durable) this.#answer(known);
      return false;
    }
    const held: Held = { id, qos, durable: false, out: false };
    this.#held.set(id, held);
    return true;
  }

  /** A message is handed out: its answer goes with the next position. */
  handedOut(packet: IPublishPacket): void {
    const held = packet.messageId === undefined ? undefined : this.#held.get(packet.messageId);
    if (held === undefined || packet.qos === 0) return;
    held.out = true;
    this.#next.push(() => {
      held.durable = true;
      // The id may mean another message by now: of another session.
      if (this.#held.get(held.id) === held) this.#answer(held);
    });
  }

  /** PUBACK ends it; a PUBREC may have to be said again. Without a connection it waits until the broker asks again. */
  #answer(held: Held): void {
    if (this.#send === null) return;
    this.#send({ cmd: held.qos === 1 ? 'puback' : 'pubrec', messageId: held.id });
    if (held.qos === 1) this.#held.delete(held.id);
  }

  /** PUBREL: the broker will not send the message again. */
  release(id: number): void {
    if (this.#freeing.has(id)) return;
    const held = this.#held.get(id);
    if (held === undefined) {
      this.#send?.({ cmd: 'pubcomp', messageId: id });
      return;
    }
    this.#held.delete(id);
    this.#freeing.add(id);
    this.#next.push(() => {
      this.#freeing.delete(id);
      this.#send?.({ cmd: 'pubcomp', messageId: id });
    });
  }

  /** A position is handed out: what has been said up to now goes with it. */
  nextTurn(): { readonly turn: number; readonly ids: readonly number[] } {
    const turn = ++this.#turn;
    for (const run of this.#next) this.#waiting.push({ turn, run });
    this.#next = [];
    return { turn, ids: this.#idsOf2() };
  }

  /** Ids of QoS 2 of messages that have been handed out. */
  #idsOf2(): readonly number[] {
    return [...this.#held.values()].filter((h) => h.qos === 2 && h.out).map((h) => h.id);
  }

  /** Everything up to this turn is durable. */
  durableThrough(turn: number): void {
    const ready = this.#waiting.filter((w) => w.turn <= turn);
    this.#waiting = this.#waiting.filter((w) => w.turn > turn);
    for (const { run } of ready) run();
  }
}
