/**
 * Wire conversations: files that list what a client sends (`> Kind json`) and what the server answers (`< Kind ...`).
 * A block of `>` lines goes out in one piece; then all answers are collected. The messages of the client are made and
 * those of the server read by pg-protocol, which knows nothing of our codec.
 */
import { serialize } from 'pg-protocol';
import { Parser } from 'pg-protocol/dist/parser.js';
import { must } from '../../common/assert.ts';

export interface Step {
  /** Lines as written, and the bytes they stand for. */
  readonly send: readonly string[];
  readonly expect: readonly string[];
}

/** A server at the other end. */
export interface Peer {
  send(bytes: Buffer): void;
  /** Everything the server has to say until it waits for more. */
  settle(): Promise<Buffer>;
}

/** Splits a file into steps: each run of `>` lines begins one. */
export function parseConversation(text: string): readonly Step[] {
  const steps: { send: string[]; expect: string[] }[] = [];
  let sending = false;
  for (const line of text.split('\n')) {
    if (line.startsWith('>')) {
      if (!sending) steps.push({ send: [], expect: [] });
      must(steps.at(-1)).send.push(line);
    } else if (line.startsWith('<'))
      must(steps.at(-1), 'a conversation begins with the client').expect.push(line);
    sending = line.startsWith('>');
  }
  return steps;
}

/** The file with its expectations replaced by `answers`, one list per step. */
export function rewriteConversation(text: string, answers: readonly (readonly string[])[]): string {
  const lines: string[] = [];
  let step = -1;
  let sending = false;
  const flush = (): void => {
    if (sending) lines.push(...(answers[step] ?? []));
    sending = false;
  };
  for (const line of text.split('\n')) {
    if (line.startsWith('<')) continue;
    if (line.startsWith('>')) {
      if (!sending) step++;
      sending = true;
    } else flush();
    lines.push(line);
  }
  flush();
  return lines.join('\n');
}

interface BindLine {
  readonly portal?: string;
  readonly statement?: string;
  readonly values?: readonly (string | null)[];
  readonly binary?: boolean;
}

/** The bytes of one `>` line. */
export function encodeLine(line: string): Buffer {
  const [, kind = '', rest = ''] = must(/^> *(\w+) ?(.*)$/.exec(line), `bad line: ${line}`);
  const json = (): never => JSON.parse(rest === '' ? '{}' : rest) as never;
  switch (kind) {
    case 'Query':
      return serialize.query(JSON.parse(rest) as string);
    case 'Parse':
      return serialize.parse(json());
    case 'Bind': {
      const bind: BindLine = json();
      return serialize.bind({ ...bind, values: [...(bind.values ?? [])] });
    }
    case 'Describe':
      return serialize.describe(json());
    case 'Execute':
      return serialize.execute(json());
    case 'Close':
      return serialize.close(json());
    case 'Flush':
      return serialize.flush();
    case 'Sync':
      return serialize.sync();
    case 'CopyData':
      return serialize.copyData(Buffer.from(JSON.parse(rest) as string));
    case 'CopyDone':
      return serialize.copyDone();
    case 'CopyFail':
      return serialize.copyFail(JSON.parse(rest) as string);
    case 'Terminate':
      return serialize.end();
    case 'Raw':
      return Buffer.from(rest.replaceAll(' ', ''), 'hex');
    default:
      throw new Error(`unknown message in conversation: ${line}`);
  }
}

/** pg-protocol's messages carry their fields under many names; this is all of those that are printed. */
interface AnyMessage {
  readonly name: string;
  readonly status?: string;
  readonly text?: string;
  readonly message?: string;
  readonly severity?: string;
  readonly code?: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly position?: string;
  readonly where?: string;
  readonly fields?: readonly unknown[];
  readonly dataTypeIDs?: readonly number[];
  readonly columnTypes?: readonly number[];
  readonly chunk?: Buffer;
  readonly parameterName?: string;
  readonly parameterValue?: string;
}

/** The server's bytes as `<` lines, read by pg-protocol; its own message names in the protocol's spelling. */
export function printAnswers(bytes: Buffer): readonly string[] {
  const lines: string[] = [];
  new Parser().parse(bytes, (message) => lines.push(printMessage(message as AnyMessage)));
  return lines;
}

function printMessage(m: AnyMessage): string {
  switch (m.name) {
    case 'readyForQuery':
      return `< ReadyForQuery ${m.status}`;
    case 'commandComplete':
      return `< CommandComplete ${m.text}`;
    case 'dataRow':
      return `< DataRow ${JSON.stringify(m.fields)}`;
    case 'rowDescription':
      return `< RowDescription ${JSON.stringify(m.fields?.map(printField))}`;
    case 'parameterDescription':
      return `< ParameterDescription ${JSON.stringify(m.dataTypeIDs)}`;
    case 'parameterStatus':
      return `< ParameterStatus ${m.parameterName}=${m.parameterValue}`;
    case 'copyInResponse':
    case 'copyOutResponse':
      return `< ${capitalise(m.name)} ${JSON.stringify(m.columnTypes)}`;
    case 'copyData':
      return `< CopyData ${JSON.stringify(m.chunk?.toString())}`;
    case 'error':
    case 'notice': {
      const { detail, hint, position, where } = m;
      const more = JSON.stringify({ detail, hint, position, where });
      return `< ${m.name === 'error' ? 'ErrorResponse' : 'NoticeResponse'} ${m.severity} ${m.code} ${m.message} ${more}`;
    }
    default:
      return `< ${capitalise(m.name)}`;
  }
}

function printField(field: unknown): readonly unknown[] {
  const { name, dataTypeID, format } = field as { name: string; dataTypeID: number; format: string };
  return [name, dataTypeID, format];
}

function capitalise(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
