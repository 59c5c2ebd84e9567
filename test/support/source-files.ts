/** The repository's own text files, for tests that hold the sources to the rules of the house. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What is made or fetched, and is not in git. */
const LEFT_OUT = new Set(['node_modules', 'dist', '.git', '.data', 'coverage']);
const TEXT = /\.(ts|mjs|sh|md|json|html|css|svg|yml|csv)$|^\.[\w.]+$|^(run|LICENSE)$/;

export interface SourceFile {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly bytes: number;
}

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = posix.join(folder, entry.name);
    if (LEFT_OUT.has(entry.name)) continue;
    if (entry.isDirectory()) yield* walk(path);
    else if (entry.isFile()) yield path;
  }
}

/** Every file of the repository; `text` is empty for what is not text. */
export function sourceFiles(): readonly SourceFile[] {
  return Array.from(walk('.'), (path) => {
    const isText = TEXT.test(basename(path));
    const text = isText ? readFileSync(join(ROOT, path), 'utf8') : '';
    return { path, text, bytes: statSync(join(ROOT, path)).size };
  });
}

const IMPORTS = [
  /^\s*(?:import|export)\s[^'";]*?\bfrom\s+'([^']+)'/gm,
  /^\s*import\s+'([^']+)'/gm,
  /\bimport\(\s*'([^']+)'/g,
];

export interface Import {
  /** A file of the repository, or undefined. */
  readonly file: string | undefined;
  /** A package, `node:` modules included, or undefined. */
  readonly package: string | undefined;
}

/** What a file imports: files from the root of the repository, packages without a path in them. */
export function importsOf({ path, text }: SourceFile): readonly Import[] {
  return IMPORTS.flatMap((pattern) =>
    Array.from(text.matchAll(pattern), ([, name = '']) =>
      name.startsWith('.')
        ? { file: posix.join(posix.dirname(path), name), package: undefined }
        : { file: undefined, package: packageOf(name) },
    ),
  );
}

function packageOf(name: string): string {
  if (name.startsWith('node:')) return name;
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Lines of a file, with their number, for messages like `src/a.ts:12`. */
export function numberedLines({ path, text }: SourceFile): readonly (readonly [string, string])[] {
  return text.split('\n').map((line, i) => [`${path}:${i + 1}`, line] as const);
}
