/** Structured logs on stderr: one line an event that matters, without secrets or card numbers. */
import pino from 'pino';
import { type Clock, systemClock } from '../core/clock.ts';
import { type Facts, safeFacts } from './safe-facts.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

export interface Logger {
  /** @param event what happened, a stable name such as `checkpoint-failed` */
  event(level: LogLevel, event: string, facts?: Facts): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
  /** Called before a line is written: clears a status line that stands there. */
  readonly beforeLine?: () => void;
  /** Where lines go, each with its line feed; stderr when absent. */
  readonly write?: (line: string) => void;
  readonly clock?: Clock;
}

/** Keys of every line; a fact of such a name gets an underscore. */
const OWN_KEYS: readonly string[] = ['level', 'time', 'event'];

export function createLogger(options: LoggerOptions): Logger {
  const { level, pretty, beforeLine, clock = systemClock } = options;
  const write = options.write ?? writerOfStderr();
  const stream = {
    write: (line: string) => {
      beforeLine?.();
      write(pretty ? prettyLine(line) : line);
    },
  };
  const settings = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date(clock.nowMs()).toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const log = pino(settings, stream);
  return {
    event: (at, event, facts = {}) => {
      if (!log.isLevelEnabled(at)) return;
      log[at]({ event, ...renamed(safeFacts(facts)) });
    },
  };
}

/** Synchronous: the last lines before a crash are the ones that matter, and lines are few. */
function writerOfStderr(): (line: string) => void {
  const stderr = pino.destination({ dest: 2, sync: true });
  return (line) => stderr.write(line);
}

function renamed(facts: Facts): Facts {
  const clash = (key: string) => (OWN_KEYS.includes(key) ? `${key}_` : key);
  return Object.fromEntries(Object.entries(facts).map(([key, value]) => [clash(key), value]));
}

/** `14:03:22.123 WARN  checkpoint-failed partition=3 reason="disk full"`, then a stack if any. */
function prettyLine(json: string): string {
  const { level, time, event, ...facts } = JSON.parse(json) as Record<string, unknown>;
  const stacks: string[] = [];
  const words = Object.entries(facts).map(([key, value]) => {
    if (hasStack(value)) {
      stacks.push(value.stack);
      return `${key}=${JSON.stringify(value.message)}`;
    }
    const plain = typeof value === 'string' && /^[^\s"=]+$/.test(value);
    return `${key}=${plain ? value : JSON.stringify(value)}`;
  });
  const head = `${String(time).slice(11, 23)} ${String(level).toUpperCase().padEnd(5)} ${String(event)}`;
  return `${[head, ...words].join(' ')}\n${stacks.map((stack) => `${stack}\n`).join('')}`;
}

function hasStack(value: unknown): value is { readonly message: string; readonly stack: string } {
  return typeof value === 'object' && value !== null && 'stack' in value && 'message' in value;
}
