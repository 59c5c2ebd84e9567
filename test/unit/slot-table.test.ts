import { expect, test } from 'vitest';
import { SlotTable } from '../../src/core/slot-table.ts';

test('a value is taken once, and its number is given again', () => {
  const table = new SlotTable<string>();
  expect([table.add('a'), table.add('b'), table.add('c')]).toEqual([0, 1, 2]);
  expect([table.take(1), table.take(1), table.take(7)]).toEqual(['b', undefined, undefined]);
  expect(table.add('d')).toBe(1);
  expect([table.take(1), table.take(0), table.take(2)]).toEqual(['d', 'a', 'c']);
});

test('what is left can be taken all at once; numbers begin anew', () => {
  const table = new SlotTable<string>();
  for (const value of ['a', 'b', 'c']) table.add(value);
  table.take(1);
  expect(table.takeAll()).toEqual(['a', 'c']);
  expect(table.takeAll()).toEqual([]);
  expect([table.take(0), table.add('e')]).toEqual([undefined, 0]);
});
