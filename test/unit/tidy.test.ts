/**
 * The rules of the house that a compiler or a linter does not check. They only ratchet: a rule is
 * made stricter, never looser. What each is for: CONTRIBUTING.md.
 */
import { basename, posix } from 'node:path';
import { expect, test } from 'vitest';
import { importsOf, numberedLines, type SourceFile, sourceFiles } from '../support/source-files.ts';

const files = sourceFiles();
const ofKind = (...endings: string[]) =>
  files.filter(({ path }) => endings.some((ending) => path.endsWith(ending)));
const code = ofKind('.ts', '.mjs');
const written = files.filter(({ path }) => !path.startsWith('test/golden/data/'));
/** Code that runs in production, or builds it. */
const product = code.filter(({ path }) => !/^(test|tools|types)\/|^vitest/.test(path));

/**
 * The folders that an entry file wires: every folder with code but the contracts and the commands.
 */
const parts = [
  ...new Set([
    ...product.map(({ path }) => path.split('/')[0] ?? '').filter((top) => top !== 'src'),
    ...product.filter(({ path }) => /^src\/\w+\//.test(path)).map(folderOfSrc),
  ]),
].filter((part) => !['src/core', 'src/cli', 'src/programs'].includes(part));

function folderOfSrc({ path }: SourceFile): string {
  return path.split('/').slice(0, 2).join('/');
}

function partOf(path: string): string | undefined {
  return parts.find((part) => path.startsWith(`${part}/`));
}

/** Where a package may be imported; a new dependency needs a home here. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  '@aws-sdk/client-s3': ['checkpoints/s3-sdk.ts'],
  '@grafana/grafana-foundation-sdk': ['grafana/'],
  '@fastify/static': ['src/api/'],
  '@smithy/node-http-handler': ['checkpoints/s3-sdk.ts'],
  commander: ['src/programs/cli.ts', 'src/cli/'],
  esbuild: ['grafana/render.ts'],
  fastify: ['src/api/'],
  fzstd: ['src/log/kafka/reader/'],
  hyparquet: ['src/lake/'],
  'hyparquet-writer': ['src/ingest/', 'src/lake/'],
  msgpackr: ['state/'],
  'onnxruntime-node': ['src/scoring/'],
  pino: ['src/telemetry/'],
  piscina: ['src/scoring/'],
  'playwright-core': ['grafana/render.ts'],
  'prom-client': ['src/telemetry/'],
  rocksdb: ['state/', 'src/log/embedded/'],
  // Schemas are values that parts hand on; the schema of the configuration is one of the contracts.
  typebox: ['src/core/typebox.ts'],
  uplot: ['ui/', 'grafana/picture/'],
};

function hits(where: readonly SourceFile[], pattern: RegExp): string[] {
  return where
    .flatMap(numberedLines)
    .filter(([, line]) => pattern.test(line))
    .map(([at, line]) => `${at}: ${line.trim()}`);
}

test('the star has the parts that the README names', () => {
  expect(parts.toSorted()).toEqual([
    'checkpoints',
    'grafana',
    'operators',
    'src/api',
    'src/codec',
    'src/config',
    'src/ingest',
    'src/lake',
    'src/log',
    'src/rekey',
    'src/runtime',
    'src/scoring',
    'src/simulator',
    'src/telemetry',
    'state',
    'ui',
  ]);
});

test('star: a part imports itself, src/core and packages', () => {
  const strays = product.flatMap((file) => {
    const part = partOf(file.path);
    if (part === undefined) return [];
    return importsOf(file)
      .filter((to) => to.file !== undefined)
      .filter(({ file: to }) => !to?.startsWith(`${part}/`) && !to?.startsWith('src/core/'))
      .map(({ file: to }) => `${file.path} imports ${to}`);
  });
  expect(strays).toEqual([]);
});

test('star: src/core imports nothing of ours and does no input or output', () => {
  const strays = product
    .filter(({ path }) => path.startsWith('src/core/'))
    .flatMap((file) =>
      importsOf(file)
        .filter((to) => !to.file?.startsWith('src/core/') && to.package !== 'typebox')
        .map((to) => `${file.path} imports ${to.file ?? to.package}`),
    );
  expect(strays).toEqual([]);
});

test('nothing of the product imports a test or a tool', () => {
  const strays = product.flatMap((file) =>
    importsOf(file)
      .filter((to) => /^(test|tools)\//.test(to.file ?? ''))
      .map((to) => `${file.path} imports ${to.file}`),
  );
  expect(strays).toEqual([]);
});

test('one library, one folder', () => {
  const strays = product.flatMap((file) =>
    importsOf(file)
      .filter((to) => to.package !== undefined && !to.package.startsWith('node:'))
      .filter((to) => !HOMES[to.package ?? '']?.some((home) => file.path.startsWith(home)))
      .map((to) => `${file.path} imports ${to.package}`),
  );
  expect(strays).toEqual([]);
});

test('a file of a part imports at most eight others of its part', () => {
  const crowded = product.flatMap((file) => {
    const part = partOf(file.path);
    const own = importsOf(file).filter((to) => to.file?.startsWith(`${part}/`));
    return part !== undefined && own.length > 8 ? [file.path] : [];
  });
  // A part may have one file where its pieces meet. These are such; no other may join them.
  expect(crowded).toEqual([
    'operators/card-fraud.ts',
    'src/ingest/clean-files.ts',
    'src/log/embedded/log.ts',
    'src/log/kafka/log.ts',
  ]);
});

test('a file has at most 400 lines', () => {
  const long = code.filter(({ text }) => text.split('\n').length > 401).map(({ path }) => path);
  expect(long).toEqual([]);
});

test('a line has at most 100 columns, what stands in its texts not counted', () => {
  // The formatter breaks everything but texts, and a text is easier to search for in one piece.
  const texts = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`/g;
  // Comments have no texts: an apostrophe in one would open a quotation that never ends.
  const isComment = (line: string) => /^\s*(?:\/\/|\/?\*)/.test(line);
  const bare = (line: string) => (isComment(line) ? line : line.replaceAll(texts, "''"));
  // Examples in a template of several lines: what `shrike --help` prints, at the width of a
  // terminal.
  const isHelp = (line: string) => /^ {2}(?:SHRIKE_.* )?shrike \w/.test(line) && line.length <= 110;
  const long = code
    .flatMap(numberedLines)
    .filter(([, line]) => line.length > 100 && bare(line).length > 100 && !isHelp(line))
    .map(([at, line]) => `${at}: ${line.length} columns`);
  expect(long).toEqual([]);
});

test('no default export but where a tool asks for one', () => {
  expect(hits(product, /^\s*export\s+default\b/)).toEqual([]);
});

test('no enum', () => {
  expect(hits(code, /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s/)).toEqual([]);
});

// The patterns below have a class where a letter would do, so that they do not find themselves.
test('no unfinished business is left as a comment', () => {
  expect(hits(written, /\b(?:TOD[O]|FIXM[E]|XX[X]|HAC[K])\b/)).toEqual([]);
});

test('no path of a machine', () => {
  expect(hits(written, /\/(?:wor[k]|roo[t]|hom[e]|User[s])\/\w/)).toEqual([]);
});

test('no host that is not the machine itself, but in documents and in the lock file', () => {
  // `localhost`, loopback, names that are reserved for examples, and the name of JSON Schema's
  // draft.
  const known = /^(?:127\.0\.0\.1|localhost|\[|\$\{|[\w.]*\.?(?:example|test)\b|json-schema\.org)/;
  const strays = written
    .filter(({ path }) => !/\.md$|\.svg$|^package-lock\.json$|^LICENSE$/.test(path))
    .flatMap(numberedLines)
    .flatMap(([at, line]) =>
      Array.from(line.matchAll(/\bhttps?:\/\/([^/'"`\s)>]+)/g), ([, host = '']) => ({ at, host })),
    )
    .filter(({ host }) => !known.test(host))
    .map(({ at, host }) => `${at}: ${host}`);
  expect(strays).toEqual([]);
  expect(hits(written, /\/\/registr[y]\.|registr[y]\.(?:npmjs|yarnpkg)|npmmirro[r]/)).toEqual([]);
});

test.each(['', 'test/rdkafka/'])('the lock file %spackage-lock.json names no server', (folder) => {
  const lock = files.find(({ path }) => path === `${folder}package-lock.json`)?.text ?? '';
  expect(lock).toContain('"lockfileVersion": 3');
  expect(lock).not.toContain('"resolved"');
});

test.each(['', 'test/rdkafka/'])('versions in %spackage.json are exact', (folder) => {
  const manifest = files.find(({ path }) => path === `${folder}package.json`)?.text ?? '{}';
  const { dependencies, devDependencies } = JSON.parse(manifest) as Record<string, object>;
  const all = Object.entries({ ...dependencies, ...devDependencies });
  const loose = all.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version as string));
  expect(all).not.toEqual([]);
  expect(loose).toEqual([]);
});

test('files have kebab-case names that say what is in them', () => {
  const documents = /^(?:README|CONTRIBUTING|SECURITY|RESULTS)\.md$|^LICENSE$/;
  // Names that Docker and Helm look for.
  const deployed = /^(?:Dockerfile|Chart\.yaml|NOTES\.txt|_[a-z]+(?:-[a-z]+)*\.tpl)$/;
  // A wire format's schema has the name of its topic.
  const schema = /^[a-z_]+\.schema\.json$/;
  const kebab = /^\.?[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+)*$/;
  // The name under which the table comes with the reference workload.
  const given = 'operators/data/zip_centroids.csv';
  const vague = /(?:^|-)(?:impl|managers?|helpers?|utils?|misc|common-stuff)\b/;
  const strays = written
    .map(({ path }) => path)
    .filter((path) => {
      const name = basename(path);
      const isNamed = [documents, deployed, schema, kebab].some((one) => one.test(name));
      return !isNamed || vague.test(name);
    });
  expect(strays).toEqual([given]);
});

test('types have names that say what they are', () => {
  const vague = /\b(?:class|interface|type|function)\s+\w*(?:Impl|Manager|Helpers?|Utils?|Info)\b/;
  expect(hits(code, vague)).toEqual([]);
});

test('no test is left out, and none runs alone', () => {
  const tests = code.filter(({ path }) => path.startsWith('test/'));
  const marks = /\b(?:test|describe|it|suite)(?:\.\w+)*\.(?:only|skip|skipIf|runIf|todo|fails)\b/;
  expect(hits(tests, marks)).toEqual([]);
});

test('a test file lies in a tier', () => {
  const tiers =
    /^test\/(?:unit|property|conformance|sim|golden|integration|browser|drills|deploy|cluster)\//;
  const strays = ofKind('.test.ts').filter(({ path }) => !tiers.test(path));
  expect(strays.map(({ path }) => path)).toEqual([]);
});

test('every part has a README', () => {
  const paths = new Set(files.map(({ path }) => path));
  expect(parts.filter((part) => !paths.has(`${part}/README.md`))).toEqual([]);
});

test('every link between documents leads to a file', () => {
  const places = new Set(
    files.flatMap(({ path }) => {
      const folders = path.split('/').map((_, i, all) => all.slice(0, i + 1).join('/'));
      return folders;
    }),
  );
  const broken = ofKind('.md').flatMap((file) =>
    Array.from(file.text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)/g), (match) => {
      const to = posix.join(posix.dirname(file.path), match[1] ?? '').replace(/\/$/, '');
      return places.has(to) ? '' : `${file.path} links to ${to}`;
    }).filter((text) => text !== ''),
  );
  expect(broken).toEqual([]);
});

test('the real files have one door', () => {
  const doors = code.filter(({ text }) => /process\.env\S*SHRIKE_REAL_DATA/.test(text));
  expect(doors.map(({ path }) => path)).toEqual(['test/support/real-files.ts']);
});

test('no file has more than 5 MB', () => {
  expect(files.filter(({ bytes }) => bytes > 5_000_000).map(({ path }) => path)).toEqual([]);
});
