import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { ShrikeError } from '../../src/core/errors.ts';
import { createLogger, type LoggerOptions } from '../../src/telemetry/logger.ts';
import { safeText } from '../../src/telemetry/safe-facts.ts';

const clock = { ...systemClock, nowMs: () => Date.parse('2026-03-05T14:03:22.123Z') };

function recorded(options: Partial<LoggerOptions> = {}) {
  const written: string[] = [];
  const write = (line: string) => void written.push(line);
  const logger = createLogger({ level: 'info', pretty: false, clock, write, ...options });
  return { logger, written };
}

test('an event is one line of JSON with time, level, name and facts', () => {
  const { logger, written } = recorded();
  logger.event('warn', 'checkpoint-failed', { partition: 3, bytes: 48_000 });
  expect(written).toEqual([
    '{"level":"warn","time":"2026-03-05T14:03:22.123Z","event":"checkpoint-failed",' +
      '"partition":3,"bytes":48000}\n',
  ]);
});

test('levels below the set one are left out', () => {
  const { logger, written } = recorded({ level: 'warn' });
  logger.event('info', 'partition-live', { partition: 1 });
  expect(written).toEqual([]);
});

test('a pretty line is for people, and an error ends in its stack', () => {
  const { logger, written } = recorded({ pretty: true });
  logger.event('info', 'partition-live', { partition: 1, from: 'checkpoint 12' });
  expect(written).toEqual(['14:03:22.123 INFO  partition-live partition=1 from="checkpoint 12"\n']);
  const error = new ShrikeError('DISK_FULL', 'cannot write state');
  logger.event('error', 'write-failed', { error });
  expect(written[1]).toMatch(
    /^14:03:22.123 ERROR write-failed error="cannot write state \[DISK_FULL\]"\nShrikeError: /,
  );
});

test('an error becomes code, message with its causes, hint and stack', () => {
  const { logger, written } = recorded();
  const cause = new Error('ENOSPC: no space left on device');
  logger.event('error', 'write-failed', {
    error: new ShrikeError('DISK_FULL', 'cannot write', { cause }),
  });
  expect(JSON.parse(written[0] as string).error).toMatchObject({
    code: 'DISK_FULL',
    message: 'cannot write: ENOSPC: no space left on device [DISK_FULL]',
    hint: 'Free space on the volume of the data folder; nothing that was committed is lost.',
    stack: expect.stringContaining('logger.test.ts'),
  });
});

test('secrets and card numbers never reach a line, wherever they stand', () => {
  const { logger, written } = recorded();
  logger.event('info', 'record-rejected', {
    reason: 'field card_number is 4111 1111 1111 1111',
    record: { cvv: '623', cardNumber: '4111111111111111', value: 4111111111111111 },
    list: ['5500-0000-0000-0004'],
    error: new Error('cannot parse 4111111111111111'),
    apiKey: 'k',
    password: 'p',
  });
  const line = written[0] as string;
  expect(line).not.toMatch(/4111111111111111|4111 1111|5500-0000|623|"k"|"p"/);
  expect(JSON.parse(line)).toMatchObject({
    reason: 'field card_number is ************1111',
    record: { cvv: '[hidden]', cardNumber: '[hidden]', value: '************1111' },
    list: ['************0004'],
    apiKey: '[hidden]',
    password: '[hidden]',
  });
});

test.each([
  ['an offset or a time', 'offset 1709647200000 of partition 3'],
  ['a digest', 'sha256:b70eb2552e2e5bcda95187bace3645ed1cb82a842b0c08df7d7ff54155176991'],
  ['a number that fails the check digit', '4111111111111112'],
  ['a decimal', '0.4111111111111111'],
])('%s is left as it is', (_what, text) => {
  expect(safeText(text)).toBe(text);
});

test('facts cannot take the place of the level, the time or the name', () => {
  const { logger, written } = recorded();
  logger.event('info', 'started', { level: 9, event: 'x', time: 0 });
  expect(JSON.parse(written[0] as string)).toEqual({
    level: 'info',
    time: '2026-03-05T14:03:22.123Z',
    event: 'started',
    level_: 9,
    event_: 'x',
    time_: 0,
  });
});

test('what stands on the line is cleared before a line is written', () => {
  const order: string[] = [];
  const write = (line: string) => void order.push(line.length > 0 ? 'line' : '');
  const { logger } = recorded({ write, beforeLine: () => void order.push('cleared') });
  logger.event('info', 'started');
  expect(order).toEqual(['cleared', 'line']);
});
