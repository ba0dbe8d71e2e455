/**
 * The `mqtt` source: messages of an MQTT topic filter, acknowledged when they are durable here. The client id follows from the
 * source's identity and the session outlives connections, so that the broker keeps messages for it.
 */
import { types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { RemoteConfig, RemoteConnector, RemoteRecord } from '../remote.ts';
import { MqttLink, type SignIn } from './link.ts';
import { type MqttTarget, mqttOptions, targetOf } from './options.ts';
import { checkGranted, MqttReader, ONLY_PARTITION, subscribePacket } from './reader.ts';

const SAMPLE_MILLIS = 2_000;

/** `purpose`: of a connection beside the source's own, which leaves no session behind. */
function signInOf({ identity, options }: RemoteConfig, purpose: string | null): SignIn {
  const name = `${options.get('client_prefix') ?? 'millrace'}-${identity.replace(/[^\w-]/g, '-')}`;
  return {
    clientId: purpose === null ? name : `${name}-${purpose}`,
    clean: purpose !== null,
    username: options.get('username'),
    password: options.get('password'),
    sessionExpirySeconds: purpose === null ? Number(options.get('session.expiry.sec') ?? '604800') : 0,
    receiveMaximum: Number(options.get('inflight_messages') ?? '1000'),
  };
}

/** How long the broker keeps a session that was begun for a source which then was not made. */
const BEGUN_SECONDS = 300;

/** Subscribes as this client: does the broker let us? What it keeps afterwards, the sign-in says. */
async function trySubscription(target: MqttTarget, signIn: SignIn, subscribe: boolean): Promise<void> {
  let answer: (error: SqlError | null) => void = () => {};
  const answered = new Promise<SqlError | null>((resolve) => {
    answer = resolve;
  });
  const { link } = await MqttLink.open(target, signIn, {
    packet: (packet) => {
      if (packet.cmd === 'suback') answer(checkGranted(target, packet));
    },
    ended: (error) => answer(error),
  });
  link.begin();
  if (subscribe) link.send(subscribePacket(target, 2));
  else answer(null);
  const timer = setTimeout(
    () => answer(new SqlError('08001', 'the MQTT broker does not answer to a subscription')),
    target.timeoutMillis,
  );
  const error = await answered;
  clearTimeout(timer);
  await link.close();
  if (error !== null) throw error;
}

/**
 * Checks the options and, where the broker keeps messages for a session, begins the source's: what is published from now on comes,
 * although its reader connects only later.
 */
async function checkAndBegin(config: RemoteConfig, target: MqttTarget): Promise<void> {
  // A member of a shared subscription takes messages away from the others; and QoS 0 is not kept.
  if (target.topic.startsWith('$share/') || target.qos === 0) {
    return trySubscription(
      target,
      signInOf(config, 'check'),
      target.qos === 0 && !target.topic.startsWith('$'),
    );
  }
  const own = signInOf(config, null);
  // Nothing of what another source under the id may have left.
  if (target.version === 4) await trySubscription(target, { ...own, clean: true }, false);
  const begun = { ...own, clean: target.version === 5, sessionExpirySeconds: BEGUN_SECONDS };
  return trySubscription(target, begun, true);
}

export const mqtt: RemoteConnector = {
  name: 'mqtt',
  doc: 'Messages of MQTT topics; the broker keeps them until they are durable.',
  waitsForAcknowledgements: true,
  options: mqttOptions,
  formats: ['PLAIN JSON', 'PLAIN CSV', 'PLAIN AVRO', 'PLAIN PROTOBUF', 'PLAIN BYTES'],
  include: [
    { name: 'topic', type: types.varchar, doc: 'Topic of the message.' },
    { name: 'qos', type: types.int4, doc: 'Quality of service with which it came.' },
    {
      name: 'retain',
      type: types.bool,
      doc: 'It is the retained message of its topic, from before the subscription.',
    },
    { name: 'partition', type: types.varchar, doc: 'See partition.by.' },
    { name: 'offset', type: types.varchar, doc: 'The number of the message in this source, from 1.' },
    { name: 'header', type: types.bytea, doc: 'A user property of MQTT 5 by its name.' },
    { name: 'payload', type: types.bytea, doc: 'The message as it came.' },
  ],
  async check(config) {
    const target = targetOf(config);
    await checkAndBegin(config, target);
    return { partitions: config.options.get('partition.by') === 'topic' ? [] : [ONLY_PARTITION] };
  },
  async sample(config, records) {
    const target = targetOf(config);
    if (target.topic.startsWith('$share/')) return [];
    const signIn = signInOf(config, 'sample');
    const reader = new MqttReader(config, { ...target, qos: 0, retained: true }, signIn, null);
    const found: RemoteRecord[] = [];
    const ended = AbortSignal.timeout(SAMPLE_MILLIS);
    try {
      await reader.connect();
      while (found.length < records && !ended.aborted) {
        found.push(...(await reader.fetch(records - found.length, ended)).records);
      }
      return found;
    } finally {
      await reader.close();
    }
  },
  /** A clean sign-in ends the session, with the messages that the broker keeps for it. */
  async forget(config) {
    const own = { ...signInOf(config, null), clean: true, sessionExpirySeconds: 0 };
    await trySubscription(targetOf(config), own, false);
  },
  async open(config, from) {
    const reader = new MqttReader(config, targetOf(config), signInOf(config, null), from);
    try {
      await reader.connect();
      reader.throwFailure();
    } catch (error) {
      await reader.close();
      throw error;
    }
    return reader;
  },
};
