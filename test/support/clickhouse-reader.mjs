/**
 * ClickHouse with the tables of deploy/compose, in a process of its own: makes them, reads the
 * topics, and prints what the tables hold once they hold as much as was asked for.
 *
 *     node clickhouse-reader.mjs CHDB-FOLDER DATA-FOLDER '{"statements":[…],"scored":2,"alerts":1}'
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const [chdb, data, request] = process.argv.slice(2);
const { statements, scored, alerts } = JSON.parse(request);
const { Session } = createRequire(join(chdb, 'package.json'))('chdb');
const session = new Session(data);

function rows(sql) {
  const lines = String(session.query(sql, 'JSONEachRow')).split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
}

for (const statement of statements) session.query(statement);
const count = (table) => Number(rows(`SELECT count() AS n FROM shrike.${table} FINAL`)[0].n);
while (count('scored') < scored || count('alerts') < alerts) await setTimeout(100);
const found = {
  scored: rows('SELECT partition, offset, user, idx, score FROM shrike.scored FINAL'),
  alerts: rows('SELECT * FROM shrike.alerts FINAL'),
  byHour: rows('SELECT * FROM shrike.alerts_by_hour'),
};
process.stdout.write(JSON.stringify(found), () => process.exit(0));
