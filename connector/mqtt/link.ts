/**
 * One connection to an MQTT broker: signs in, sends and receives packets, keeps the connection alive. It knows nothing of sessions:
 * what is acknowledged, and when, is the reader's business (a client library acknowledges before anything is durable).
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import mqttPacket, { type IConnackPacket, type IConnectPacket, type Packet } from 'mqtt-packet';
import { SqlError } from '../../common/sqlError.ts';
import { closedHint, serverNameFor, tlsFailure } from '../tls.ts';
import { type MqttTarget, mqttTlsNames } from './options.ts';

export interface LinkEvents {
  packet(packet: Packet): void;
  /** Once, after it was open: why it ended. */
  ended(error: SqlError): void;
}

/** Who signs in. */
export interface SignIn {
  readonly clientId: string;
  readonly clean: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Of MQTT 5. */
  readonly sessionExpirySeconds: number;
  readonly receiveMaximum: number;
}

function refused(target: MqttTarget, code: number): SqlError {
  const broker = `MQTT broker ${target.host}:${target.port}`;
  switch (code) {
    case 4:
    case 5:
    case 134:
    case 135:
      return new SqlError('28P01', `${broker} refused the credentials`, {
        hint: 'Check the options username and password, and what the broker lets that user do.',
      });
    case 1:
    case 132:
      return new SqlError('22023', `${broker} does not speak this version of MQTT`, {
        hint: "Set mqtt.version = '3.1.1'.",
      });
    case 2:
    case 133:
      return new SqlError('22023', `${broker} does not accept the client id`, {
        hint: 'Set another client_prefix.',
      });
    default:
      return new SqlError('08001', `${broker} refused the connection (code ${code})`);
  }
}

function connectPacket(target: MqttTarget, signIn: SignIn): IConnectPacket {
  const packet: IConnectPacket = {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: target.version,
    clientId: signIn.clientId,
    clean: signIn.clean,
    keepalive: target.keepaliveSeconds,
  };
  if (signIn.username !== undefined) packet.username = signIn.username;
  if (signIn.password !== undefined) packet.password = Buffer.from(signIn.password);
  if (target.version === 5) {
    packet.properties = {
      sessionExpiryInterval: signIn.sessionExpirySeconds,
      receiveMaximum: Math.min(65_535, Math.max(1, signIn.receiveMaximum)),
    };
  }
  return packet;
}

export class MqttLink {
  readonly #target: MqttTarget;
  readonly #socket: Socket;
  readonly #events: LinkEvents;
  #ping: NodeJS.Timeout | null = null;
  #heard = true;
  #opened: ((result: IConnackPacket | SqlError) => void) | null = null;
  #done = false;
  /** What comes with the CONNACK, before whoever opened the link knows it; null: it does. */
  #early: Packet[] | null = [];

  private constructor(target: MqttTarget, events: LinkEvents) {
    this.#target = target;
    this.#events = events;
    const { host, port, tls } = target;
    this.#socket =
      tls === null
        ? connectTcp({ host, port })
        : connectTls({ host, port, ...tls, ...serverNameFor(host, tls) });
  }

  /** Connects and signs in. Rejects with SqlError. */
  static async open(
    target: MqttTarget,
    signIn: SignIn,
    events: LinkEvents,
  ): Promise<{ readonly link: MqttLink; readonly connack: IConnackPacket }> {
    const link = new MqttLink(target, events);
    const result = await link.#signIn(signIn);
    if (result instanceof SqlError) throw result;
    return { link, connack: result };
  }

  #signIn(signIn: SignIn): Promise<IConnackPacket | SqlError> {
    const { host, port, tls, version, timeoutMillis } = this.#target;
    const socket = this.#socket;
    const parser = mqttPacket.parser({ protocolVersion: version });
    parser.on('packet', (packet) => this.#take(packet));
    parser.on('error', (error: unknown) => this.#end(`it does not speak MQTT: ${reasonOf(error)}`));
    socket.on('data', (bytes) => parser.parse(bytes));
    socket.on('error', (error) => this.#end(reasonOf(error), 0, error));
    socket.on('close', () => this.#end('it closed the connection'));
    socket.setNoDelay(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#end('no answer in time'), timeoutMillis);
      this.#opened = (result) => {
        clearTimeout(timer);
        this.#opened = null;
        resolve(result);
      };
      socket.once(tls === null ? 'connect' : 'secureConnect', () =>
        this.send(connectPacket(this.#target, signIn)),
      );
    }).then((result) => {
      if (!(result instanceof SqlError)) return result as IConnackPacket;
      if (result.state !== '08006') return result;
      return new SqlError(
        '08001',
        `could not connect to MQTT broker ${host}:${port}: ${result.detail ?? result.message}`,
        {
          hint: `Check the option url, and that the broker runs and can be reached from here.${
            tls === null ? '' : ` ${closedHint(mqttTlsNames, tls)}`
          }`,
        },
      );
    });
  }

  #take(packet: Packet): void {
    this.#heard = true;
    if (packet.cmd === 'connack') {
      const code = packet.reasonCode ?? packet.returnCode ?? 0;
      if (code !== 0) {
        this.#opened?.(refused(this.#target, code));
        this.#end('refused');
        return;
      }
      this.#keepAlive(packet.properties?.serverKeepAlive ?? this.#target.keepaliveSeconds);
      this.#opened?.(packet);
    } else if (packet.cmd === 'disconnect') {
      this.#end(`it disconnected (code ${packet.reasonCode ?? 0})`, packet.reasonCode ?? 0);
    } else if (packet.cmd !== 'pingresp') {
      if (this.#early === null) this.#events.packet(packet);
      else this.#early.push(packet);
    }
  }

  #keepAlive(seconds: number): void {
    if (seconds === 0) return;
    this.#ping = setInterval(
      () => {
        // While nothing is read, no answer is either.
        if (!this.#heard && !this.#socket.isPaused()) this.#end('it does not answer any more');
        this.#heard = false;
        this.send({ cmd: 'pingreq' });
      },
      (seconds * 1000) / 2,
    );
    this.#ping.unref();
  }

  /** `cause`: of the socket. */
  #end(reason: string, code = 0, cause: unknown = null): void {
    if (this.#done) return;
    this.#done = true;
    if (this.#ping !== null) clearInterval(this.#ping);
    this.#socket.destroy();
    const { host, port, tls } = this.#target;
    const handshake =
      tls === null ? null : tlsFailure(cause, `MQTT broker ${host}:${port}`, mqttTlsNames, tls);
    // 142: session taken over.
    const error =
      code === 142
        ? new SqlError('55000', `another client took over the session at MQTT broker ${host}:${port}`, {
            hint: 'Client ids must be unique: give this source another client_prefix.',
          })
        : (handshake ??
          new SqlError('08006', `lost MQTT broker ${host}:${port}: ${reason}`, { detail: reason }));
    if (this.#opened !== null) this.#opened(error);
    else this.#events.ended(error);
  }

  /** From now on packets are told; those first that have come already. */
  begin(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const packet of early) this.#events.packet(packet);
  }

  send(packet: Packet): void {
    if (!this.#done)
      this.#socket.write(mqttPacket.generate(packet, { protocolVersion: this.#target.version }));
  }

  /** Takes no more packets, which holds the broker up. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Signs off; what was sent before arrives. */
  async close(): Promise<void> {
    if (this.#done) return;
    this.send({ cmd: 'disconnect' });
    this.#done = true;
    if (this.#ping !== null) clearInterval(this.#ping);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#socket.destroy(), 1000);
      this.#socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      this.#socket.resume();
      this.#socket.end();
    });
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  return error.message === '' ? code : error.message;
}
