/**
 * Programs, of a process or of a thread: the build puts each into one file, and beside it what V8
 * has compiled of it (tools/bundle-programs.mjs, tools/compile-programs.mjs). To find, read and
 * compile a hundred modules takes longer than a restore may (docs/decisions/0022).
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

type Wrapper = (...scope: readonly [object, NodeJS.Require, object, string, string]) => void;

/**
 * V8 refuses what another version of it has compiled, or one with other flags, and compiles anew:
 * then `cachedDataRejected` is true.
 * @param code where it is; absent: beside the program
 */
export function compileProgram(name: string, code = `${fileOf(name)}.code`): Script {
  const filename = fileOf(name);
  return new Script(readFileSync(filename, 'latin1'), {
    filename,
    ...(existsSync(code) && { cachedData: readFileSync(code) }),
  });
}

/** @returns what the program exports */
export function evaluateProgram<T>(name: string, script: Script): T {
  const file = fileOf(name);
  const module = { exports: {} };
  const wrapper = script.runInThisContext() as Wrapper;
  wrapper(module.exports, createRequire(file), module, file, dirname(file));
  return module.exports as T;
}

/** @returns what the program exports: its type is that of the module it was made of */
export function loadProgram<T>(name: string): T {
  return evaluateProgram<T>(name, compileProgram(name));
}

function fileOf(name: string): string {
  return fileURLToPath(new URL(`../programs/${name}.cjs`, import.meta.url));
}
