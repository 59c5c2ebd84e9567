import { expect, test } from 'vitest';
import { readPaymentUsers } from '../../operators/index.ts';
import { parseJsonBatch } from '../../src/codec/json.ts';
import { PackedRecords, packRecords } from '../../src/core/records.ts';

function usersOf(values: readonly (string | undefined)[], first = 0) {
  const records = packRecords(values.map((value) => ({ key: 'card-7', value, timestampMs: 1 })));
  const { keys, rejects } = readPaymentUsers(parseJsonBatch)(PackedRecords.of(records), first);
  return { keys: [...keys], rejects };
}

test('the user is read whatever else the record says, in plain JSON and in any other', () => {
  expect(
    usersOf([
      '{"idx":3,"user":17,"card":0}',
      '{"idx":3,"user":0,"year":"never"}',
      '{ "user": 5 }',
      '{"card":1,"user":9007199254740991}',
    ]),
  ).toEqual({ keys: [17, 0, 5, 9007199254740991], rejects: [] });
});

test('a record that says no user says why, and its neighbours keep theirs', () => {
  expect(
    usersOf([
      '{"idx":3,"user":17,"card":0}',
      '{"idx":3,"user":-1,"card":0}',
      '{"idx":3}',
      'not JSON',
      undefined,
      '{"idx":4,"user":2',
      '{"idx":4,"user":2,"card":0}',
    ]),
  ).toEqual({
    keys: [17, -1, -1, -1, -1, -1, 2],
    rejects: [
      {
        index: 1,
        code: 'RECORD_FIELD_INVALID',
        reason: 'user is -1; it must be an integer from 0 to 2^53 - 1',
      },
      {
        index: 2,
        code: 'RECORD_FIELD_INVALID',
        reason: 'user is missing; it must be an integer from 0 to 2^53 - 1',
      },
      { index: 3, code: 'RECORD_NOT_JSON', reason: 'not JSON' },
      { index: 4, code: 'RECORD_NOT_JSON', reason: 'a tombstone: the record has no value' },
      { index: 5, code: 'RECORD_NOT_JSON', reason: 'not JSON at character 17' },
    ],
  });
});

test('records before the first are not looked at', () => {
  expect(usersOf(['not JSON', '{"idx":3,"user":17,"card":0}'], 1)).toEqual({
    keys: [-1, 17],
    rejects: [],
  });
});
