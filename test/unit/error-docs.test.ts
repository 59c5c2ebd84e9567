import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ERRORS, type ErrorKind } from '../../src/core/errors.ts';
import { sourceFiles } from '../support/source-files.ts';

const PAGE = 'docs/errors.md';
const page = readFileSync(PAGE, 'utf8');
const kinds: Readonly<Record<string, ErrorKind>> = ERRORS;

const DOMAINS: Readonly<Record<ErrorKind['domain'], string>> = {
  data: 'Data: one record is bad; it goes to `dead_letters`, a row of a file to its rejects file',
  input: 'Input: what the program was given is wrong; it stops and says so',
  external: 'External: a disk, a store, a log or a client does not play along; the engine goes on',
  internal: 'Internal: something is broken; the partition stops, and restores from what is right',
};

/** The sections of the page, from the table in the code. */
function reference(): string {
  return Object.entries(DOMAINS)
    .map(([domain, title]) => {
      const rows = Object.entries(kinds)
        .filter(([, kind]) => kind.domain === domain)
        .map(([code, { retry, hint }]) => `| \`${code}\` | ${retry} | ${hint} |\n`);
      return `## ${title}\n\n| code | retry | what to do |\n|---|---|---|\n${rows.join('')}`;
    })
    .join('\n');
}

test('docs/errors.md ends with the table of the code', async () => {
  const upToTable = page.slice(0, page.indexOf('-->\n') + 4);
  await expect(`${upToTable}\n${reference()}`).toMatchFileSnapshot(`../../${PAGE}`);
});

test('every code has one row, and every row is a code', () => {
  const rows = Array.from(page.matchAll(/^\| `([A-Z_]+)` \|/gm), (match) => match[1]);
  expect(rows).toHaveLength(Object.keys(ERRORS).length);
  expect(new Set(rows)).toEqual(new Set(Object.keys(ERRORS)));
});

test('a row says what the code says', () => {
  expect(page).toContain('| `DISK_FULL` | backoff | Free space on the volume of the data folder;');
});

test('a hint that points to a document points to something that is there', () => {
  const dangling = Object.entries(kinds).flatMap(([code, { hint }]) =>
    Array.from(hint.matchAll(/([\w/-]+\.md)(?:, "([^"]+)")?/g), ([, file = '', title]) => {
      if (!existsSync(file)) return `${code}: ${file}`;
      const isThere = title === undefined || readFileSync(file, 'utf8').includes(`# ${title}\n`);
      return isThere ? '' : `${code}: ${file}, "${title}"`;
    }).filter((text) => text !== ''),
  );
  expect(dangling).toEqual([]);
});

test('every code that a document names is in the table', () => {
  const domains = /^(?:API|ACTOR|CHECKPOINT|COMMIT|CONFIG|CSV|DATA_DIR|LOG|MODEL|RECORD|STATE)_/;
  const unknown = sourceFiles()
    .filter(({ path }) => path.endsWith('.md'))
    .flatMap(({ path, text }) =>
      Array.from(text.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g), (match) => match[1] ?? '')
        .filter((name) => domains.test(name) && !(name in ERRORS))
        .map((name) => `${path}: ${name}`),
    );
  expect(unknown).toEqual([]);
});

test('every code is raised somewhere', () => {
  const code = sourceFiles().filter(({ path }) =>
    /^(?:src|operators|state|checkpoints)\/.*\.ts$/.test(path),
  );
  const uses = code
    .filter(({ path }) => !/^src\/core\/(?:[a-z]+-)?errors\.ts$/.test(path))
    .map(({ text }) => text);
  const unused = Object.keys(ERRORS).filter((name) => !uses.some((text) => text.includes(name)));
  expect(unused).toEqual([]);
});
