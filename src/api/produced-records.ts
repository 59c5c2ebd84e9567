/** The body of `POST /api/topics/:topic/records`: one JSON object a line. */
import { ShrikeError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';

export interface ProducedRecord {
  readonly key: string;
  readonly partition: number;
  readonly value: string;
}

/**
 * Lines `{"key": "12", "partition": 4, "value": …}`. A string is taken as the value's text as it
 * stands (nothing of it changes); an object is written as JSON. Blank lines are allowed.
 * @throws API_REQUEST_INVALID naming the line; then nothing may be produced.
 */
export function parseRecords(body: Uint8Array): readonly ProducedRecord[] {
  const records: ProducedRecord[] = [];
  for (const [i, line] of decode(body).split('\n').entries()) {
    if (line.trim() !== '') records.push(parseLine(line, i + 1));
  }
  if (records.length === 0) refuse('the body holds no record');
  return records;
}

function decode(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (cause) {
    throw new ShrikeError('API_REQUEST_INVALID', 'the body is not UTF-8', { cause });
  }
}

function parseLine(line: string, number: number): ProducedRecord {
  const { key, partition, value, ...rest } = parseObject(line, number);
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) refuse(`line ${number}: unknown field "${unknown}"`);
  if (typeof key !== 'string' || key === '') refuse(`line ${number}: "key" is a non-empty string`);
  if (!isPartition(partition)) {
    refuse(`line ${number}: "partition" is an integer from 0 to ${LIMITS.partitionsMax - 1}`);
  }
  if (typeof value !== 'string' && (typeof value !== 'object' || value === null)) {
    refuse(`line ${number}: "value" is an object, or a string with the value's text`);
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (Buffer.byteLength(text) > LIMITS.recordBytesMax) {
    refuse(`line ${number}: the value is longer than ${LIMITS.recordBytesMax} bytes`);
  }
  return { key, partition, value: text };
}

function parseObject(line: string, number: number): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (cause) {
    throw new ShrikeError('API_REQUEST_INVALID', `line ${number} is not JSON`, { cause });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    refuse(`line ${number} is not a JSON object`);
  }
  return parsed as Record<string, unknown>;
}

function isPartition(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < LIMITS.partitionsMax;
}

function refuse(message: string): never {
  throw new ShrikeError('API_REQUEST_INVALID', message);
}
