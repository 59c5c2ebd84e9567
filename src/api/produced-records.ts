/** The body of `POST /api/topics/:topic/records`: one JSON object a line. */
import { ShrikeError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { ProducedRecord } from '../core/status.ts';

/**
 * Lines `{"key": "12", "partition": 4, "value": …}`. A null key is none. A string is taken as the
 * value's text as it stands (nothing of it changes); an object is written as JSON. In the place of
 * `value`, `value_base64` has any bytes, or null for a tombstone. Blank lines are allowed.
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
  const { key, partition, value, value_base64, ...rest } = parseObject(line, number);
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) refuse(`line ${number}: unknown field "${unknown}"`);
  if (typeof key !== 'string' && key !== null) refuse(`line ${number}: "key" is a string or null`);
  if (!isPartition(partition)) {
    refuse(`line ${number}: "partition" is an integer from 0 to ${LIMITS.partitionsMax - 1}`);
  }
  if (value !== undefined && value_base64 !== undefined) {
    refuse(`line ${number}: a record has "value" or "value_base64", not both`);
  }
  const bytes = value_base64 === undefined ? textOf(value, number) : bytesOf(value_base64, number);
  if (bytes !== null && Buffer.byteLength(bytes) > LIMITS.recordBytesMax) {
    refuse(`line ${number}: the value is longer than ${LIMITS.recordBytesMax} bytes`);
  }
  return { key, partition, value: bytes };
}

function textOf(value: unknown, number: number): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null) return JSON.stringify(value);
  return refuse(`line ${number}: "value" is an object, or a string with the value's text`);
}

function bytesOf(value: unknown, number: number): Buffer | null {
  if (value === null) return null;
  if (typeof value === 'string') {
    const bytes = Buffer.from(value, 'base64');
    // The decoder passes over what it does not know: only what comes back the same was base64.
    if (bytes.toString('base64') === value) return bytes;
  }
  return refuse(`line ${number}: "value_base64" is the value's bytes in base64, or null`);
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
