/** What may not reach a log: secrets by their key, card numbers wherever they stand. Pure. */
import { codeOf, explain, ShrikeError } from '../core/errors.ts';

const SECRET_KEY =
  /pass(word|wd)|secret|token|authorization|credential|api_?key|cvv|card_?number|^pan$/i;
/** 14 to 19 digits, also in groups, that no letter or further digit touches. */
const CARD_NUMBER = /(?<![\w.-])\d(?:[ -]?\d){13,18}(?![\w-])/g;
const DEPTH_MAX = 6;
const HIDDEN = '[hidden]';

export type Facts = Readonly<Record<string, unknown>>;

export function safeFacts(facts: Facts): Facts {
  return safeObject(facts, 0);
}

function safeObject(facts: object, depth: number): Facts {
  const safe: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(facts)) {
    safe[key] = SECRET_KEY.test(key) ? HIDDEN : safeValue(value, depth + 1);
  }
  return safe;
}

function safeValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return safeText(value);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? safeNumber(value) : value;
  if (typeof value === 'bigint') return safeText(String(value));
  if (value === null || typeof value !== 'object') return value;
  if (depth > DEPTH_MAX) return '[too deep]';
  if (value instanceof Error) return safeError(value);
  if (Array.isArray(value)) return value.map((item) => safeValue(item, depth + 1));
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  return safeObject(value, depth);
}

function safeError(error: Error): Facts {
  const [message = ''] = explain(error).split('\n');
  const hint = error instanceof ShrikeError ? { hint: error.kind.hint } : {};
  return {
    code: codeOf(error),
    message: safeText(message),
    ...hint,
    stack: safeText(error.stack ?? ''),
  };
}

/** Below 10^13: offsets, sizes and times (milliseconds since 1970 reach it in 2286). */
const safeNumber = (value: number): number | string =>
  value >= 1e13 && passesLuhn(String(value)) ? mask(String(value)) : value;

/** The text with card numbers as `************1111`. */
export function safeText(text: string): string {
  return text.replace(CARD_NUMBER, (found) => {
    const digits = found.replace(/[ -]/g, '');
    return passesLuhn(digits) ? mask(digits) : found;
  });
}

const mask = (digits: string): string => '*'.repeat(digits.length - 4) + digits.slice(-4);

/** The check digit of ISO/IEC 7812-1, annex B: one number in ten has it by chance. */
function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    const twice = digit * 2;
    sum += i % 2 === 0 ? digit : twice > 9 ? twice - 9 : twice;
  }
  return sum % 10 === 0;
}
