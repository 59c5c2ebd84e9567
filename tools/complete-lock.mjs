/**
 * Adds to package-lock.json the optional platform packages that the registry mirror in use did not
 * offer when the lock was made. Without them `npm ci` refuses the lock, here and on every other
 * platform.
 *
 *     npm install && node tools/complete-lock.mjs
 *     node tools/complete-lock.mjs tools/chdb         the lock of another folder
 */
import { readFileSync, writeFileSync } from 'node:fs';

const OS = ['darwin', 'win32', 'linux', 'android', 'freebsd', 'openharmony'];
const CPU = ['x64', 'arm64', 'ia32', 'arm', 'ppc64', 'riscv64', 's390x'];

const file = new URL(`../${process.argv[2] ?? '.'}/package-lock.json`, import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
let added = 0;
for (const entry of Object.values(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`;
    if (place in lock.packages) continue;
    const words = name.split(/[/-]/);
    const find = (all) => all.filter((word) => words.includes(word));
    lock.packages[place] = {
      version: range.replace(/^[\^~]/, ''),
      cpu: find(CPU),
      ...(words.some((w) => w.startsWith('musl')) && { libc: ['musl'] }),
      ...(entry.dev && { dev: true }),
      optional: true,
      os: find(OS),
    };
    added += 1;
  }
}
const inOrder = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1));
lock.packages = Object.fromEntries(inOrder);
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} platform packages added`);
