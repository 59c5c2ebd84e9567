import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/loader.ts';
import { createFlow, outputNames, topicsOf } from '../../src/job.ts';

const configOf = (flags: Readonly<Record<string, string>>) =>
  loadConfig({ env: {}, flags, flagNames: {}, otherVariables: [] }).config;

test('without a prefix the topics have the names that consumers know', () => {
  expect(outputNames(configOf({}))).toEqual({
    alerts: 'fraud_alerts',
    scored: 'scored',
    features: 'features',
    deadLetters: 'dead_letters',
  });
});

test('outputs.prefix stands before all that is written, and before nothing that is read', () => {
  const config = configOf({ 'outputs.prefix': 'green-', 'outputs.features': 'true' });
  const written = ['green-fraud_alerts', 'green-dead_letters', 'green-scored', 'green-features'];
  expect(topicsOf(config).map(({ topic }) => topic)).toEqual([
    'transactions',
    'users',
    'cards',
    ...written,
  ]);
  expect(createFlow(config).decide.topics).toEqual([
    'green-fraud_alerts',
    'green-scored',
    'green-features',
  ]);
});
