/** The tables for Kafka Connect's sink, in ClickHouse's engine (chdb), with what is published. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { GOLDEN_CSV, shrike } from '../support/command-line.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const run = promisify(execFile);
const LIMIT_MS = 120_000;
const TABLES = readFileSync('deploy/strimzi/connect/clickhouse-tables.sql', 'utf8');

interface Found {
  readonly columns: readonly string[];
  readonly rows: number;
  readonly distinct: number;
  readonly scores: number;
}

test.each(['fraud_alerts', 'scored'])(
  'the table %s takes each record, field by field',
  {
    timeout: LIMIT_MS,
  },
  async (topic) => {
    const folder = await scratchFolder();
    const out = join(folder, 'out');
    // Every payment is an alert.
    const settings = ['--data', join(folder, 'data'), '--set', 'scoring.threshold=0'];
    const source = ['--source', 'csv', ...GOLDEN_CSV, '--until-end', '--no-listen', '--out', out];
    expect(await shrike('run', ...source, ...settings)).toMatchObject({ code: 0 });
    const file = join(out, `${topic}.jsonl`);
    const records = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { idx: number; score: number });

    const table = `shrike.${topic}`;
    const sql = `${TABLES}
    INSERT INTO ${table} FROM INFILE '${file}' SETTINGS input_format_skip_unknown_fields = 0
      FORMAT JSONEachRow;
    SELECT (SELECT groupArray(name) FROM system.columns WHERE database = 'shrike'
        AND table = '${topic}' AND default_kind = '') AS columns,
      toUInt32(count()) AS rows, toUInt32(uniqExact(idx)) AS distinct, sum(score) AS scores
      FROM ${table}`;
    const { stdout: chdb } = await run('bash', ['tools/install-chdb.sh']);
    const args = ['test/support/chdb-query.mjs', chdb.trim(), sql];
    const { stdout } = await run(process.execPath, args);
    const found = JSON.parse(stdout) as Found;

    const schema = JSON.parse(readFileSync(`docs/formats/${topic}.schema.json`, 'utf8')) as {
      properties: object;
    };
    expect(found.columns.toSorted()).toEqual(Object.keys(schema.properties).toSorted());
    expect(found).toMatchObject({ rows: records.length, distinct: 2026 });
    const sum = records.reduce((total, { score }) => total + Math.fround(score), 0);
    expect(found.scores).toBeCloseTo(sum, 3);
  },
);
