/** Builds dist/src/scoring/trees/forest.wasm from its text. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import wabt from 'wabt';

const SOURCE = 'src/scoring/trees/forest.wat';
const TARGET = 'dist/src/scoring/trees/forest.wasm';

const { parseWat } = await wabt();
const module = parseWat(SOURCE, readFileSync(SOURCE, 'utf8'), { simd: true });
module.validate();
mkdirSync(dirname(TARGET), { recursive: true });
writeFileSync(TARGET, module.toBinary({}).buffer);
module.destroy();
