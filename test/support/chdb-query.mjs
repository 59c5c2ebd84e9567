/**
 * ClickHouse as a reader of files: prints what a query gives, a JSON object a line.
 *
 *     node chdb-query.mjs CHDB-FOLDER 'SELECT …'
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [chdb, sql] = process.argv.slice(2);
const { query } = createRequire(join(chdb, 'package.json'))('chdb');
process.stdout.write(String(query(sql, 'JSONEachRow')), () => process.exit(0));
