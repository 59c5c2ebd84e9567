/**
 * docs/eks.md names nothing that is not there: files, values of the chart, variables and outputs of
 * Terraform, commands and their flags. (Helm's flags: test/cluster/eks-doc.test.ts.)
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { blocksOf, commandsOf, hereDocumentsOf } from '../support/command-blocks.ts';
import { rendered } from '../support/strimzi.ts';

const page = readFileSync('docs/eks.md', 'utf8');
const security = readFileSync('docs/security.md', 'utf8');
const blocks = blocksOf(page);
const typed = blocks.filter(({ language }) => language === 'sh');
const commands = typed.flatMap(({ text }) => commandsOf(text));

/** Commands of a program, without its own name. */
function commandsFor(program: string): readonly (readonly string[])[] {
  return commands.flatMap(([first, ...rest]) => (first === program ? [rest] : []));
}

const isFlag = (word: string) => word.startsWith('-');
const nameOf = (flag: string) => flag.split('=')[0] ?? flag;

test('every command has what it prints, and says whether it ran', () => {
  expect(typed.length).toBeGreaterThan(20);
  for (const [index, block] of blocks.entries()) {
    if (block.language !== 'sh' || /MY_ADDRESS=/.test(block.text)) continue;
    const answer = blocks[index + 1];
    expect(answer?.language, block.text).toBe('text');
    expect(answer?.before, block.text).toMatch(/^(?:\*\*)?(?:ran|not run here)/);
  }
});

test.each([
  ['docs/eks.md', page],
  ['docs/security.md', security],
])('every file that %s names is there', (_, text) => {
  const paths = text.match(
    /(?<![\w/.-])(?:deploy|docs|test|src|tools|operators|checkpoints)\/[\w./-]*\w/g,
  );
  expect(paths?.length).toBeGreaterThan(5);
  expect([...new Set(paths)].filter((path) => !existsSync(path))).toEqual([]);
});

test('terraform has the variables, outputs and flags', () => {
  const variables = readFileSync('deploy/terraform/variables.tf', 'utf8');
  const outputs = readFileSync('deploy/terraform/outputs.tf', 'utf8');
  const mine = commandsFor('terraform');
  expect(mine.length).toBeGreaterThan(5);
  for (const words of mine) {
    const [command = ''] = words.filter((word) => !isFlag(word));
    const { stdout } = spawnSync('terraform', [command, '-help'], { encoding: 'utf8' });
    const help = `${stdout} -chdir -var -help`;
    for (const flag of words.filter(isFlag)) expect(help).toContain(nameOf(flag));
    for (const [at, word] of words.entries()) {
      if (word === '-raw') expect(outputs).toContain(`output "${words[at + 1]}"`);
      const variable = words[at - 1] === '-var' ? word.split('=')[0] : undefined;
      if (variable !== undefined) expect(variables).toContain(`variable "${variable}"`);
    }
  }
});

test('outputs are listed as terraform lists them, all of them', () => {
  const outputs = readFileSync('deploy/terraform/outputs.tf', 'utf8');
  const declared = [...outputs.matchAll(/^output "(\w+)" \{\n {2}description = "(.*)"/gm)];
  const shown = declared
    .filter(([, , about = '']) => !about.startsWith('null '))
    .map(([, name]) => name);
  const [, listed = ''] = /Outputs:\n\n([\s\S]*?)```/.exec(page) ?? [];
  expect([...listed.matchAll(/^(\w+) = /gm)].map(([, name]) => name)).toEqual(
    // The way terraform lists them.
    shown.map(String).toSorted((a, b) => a.localeCompare(b)),
  );
});

test('kubectl has the commands and flags', () => {
  const all = execFileSync('kubectl', ['options'], { encoding: 'utf8' });
  const mine = commandsFor('kubectl');
  expect(mine.length).toBeGreaterThan(15);
  for (const words of mine) {
    const own = words.includes('--') ? words.slice(0, words.indexOf('--')) : words;
    const verb = verbOf(own);
    const help = execFileSync('kubectl', [...verb, '--help'], { encoding: 'utf8' });
    for (const flag of own.filter(isFlag))
      expect(`${help}${all}`, own.join(' ')).toContain(nameOf(flag));
  }
});

/** The CLI's own, which are no operation of a service. */
const AWS_CUSTOM = ['ecr get-login-password', 'eks update-kubeconfig'];

const OPERATIONS = `
import botocore.session, json, sys
from botocore import xform_name
kebab = lambda name: xform_name(name, '-')
session = botocore.session.get_session()
def members(service, operation):
    model = session.get_service_model(service)
    names = {kebab(one): one for one in model.operation_names}
    shape = model.operation_model(names[operation]).input_shape
    return ['--' + kebab(one) for one in shape.members] if shape else []
print(json.dumps([members(*one.split()) for one in sys.argv[1:]]))
`;

test('AWS has the operations and parameters', () => {
  const tools = execFileSync('bash', ['tools/install-terraform-checks.sh'], { encoding: 'utf8' });
  const everywhere = ['--region', '--query', '--output'];
  const mine = commandsFor('aws').filter(
    (words) => !AWS_CUSTOM.includes(words.slice(0, 2).join(' ')),
  );
  const operations = mine.map((words) => words.slice(0, 2).join(' '));
  expect(operations).toEqual(['sts get-caller-identity', 'ecr describe-images']);
  const python = `${tools.trim()}/venv/bin/python`;
  const args = ['-c', OPERATIONS, ...operations];
  const known = JSON.parse(execFileSync(python, args, { encoding: 'utf8' })) as string[][];
  for (const [at, words] of mine.entries()) {
    for (const flag of words.filter(isFlag))
      expect([...everywhere, ...(known[at] ?? [])]).toContain(flag);
  }
});

/** `create job`, `rollout status`; one word for the others. */
function verbOf(words: readonly string[]): readonly string[] {
  const plain = words.filter((word, at) => !isFlag(word) && words[at - 1] !== '--namespace');
  const [first = '', second = ''] = plain;
  return ['create', 'rollout'].includes(first) ? [first, second] : [first];
}

test('shrike has the commands and flags, and the image their name', () => {
  const inPods = commands.flatMap((words) => {
    const at = words.indexOf('shrike', words.indexOf('--') + 1);
    return words[0] === 'kubectl' && words.includes('exec') && at > 0 ? [words.slice(at + 1)] : [];
  });
  const jobs = hereDocuments().flatMap(({ text }) => argumentsOf(parse(text)));
  expect(inPods.length + jobs.length).toBeGreaterThan(3);
  for (const words of [...inPods, ...jobs]) {
    const flagAt = words.findIndex(isFlag);
    const help = execFileSync(
      process.execPath,
      ['dist/src/cli.js', ...words.slice(0, flagAt), '--help'],
      { encoding: 'utf8' },
    );
    for (const flag of words.filter(isFlag)) expect(help).toContain(`${flag} `);
  }
  expect(readFileSync('deploy/docker/Dockerfile', 'utf8')).toContain('/usr/local/bin/shrike');
});

function hereDocuments() {
  const found = typed.flatMap(({ text }) => hereDocumentsOf(text));
  expect(found.length).toBe(2);
  return found;
}

interface Job {
  readonly spec?: {
    readonly template?: { readonly spec: { readonly containers: readonly Container[] } };
  };
}
interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string }[];
}

function containersOf(document: unknown): readonly Container[] {
  return (document as Job).spec?.template?.spec.containers ?? [];
}

function argumentsOf(document: unknown): readonly (readonly string[])[] {
  return containersOf(document).map(({ args }) => args);
}

test('variables that a Job sets are those of the configuration', () => {
  const reference = readFileSync('docs/configuration.md', 'utf8');
  const names = hereDocuments().flatMap(({ text }) =>
    containersOf(parse(text)).flatMap(({ env }) => env.map(({ name }) => name)),
  );
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) expect(reference).toContain(`| \`${name}\` |`);
});

test('values are values of the chart', () => {
  const schema = JSON.parse(readFileSync('deploy/helm/shrike/values.schema.json', 'utf8'));
  const isValid = new Ajv({ strict: false }).compile(schema);
  const [trial] = hereDocuments().filter(({ command }) => command.includes('trial.yaml'));
  expect([isValid(parse(trial?.text ?? '')), isValid.errors]).toEqual([true, null]);
  const mine = commandsFor('helm').filter((words) => words.includes('deploy/helm/shrike'));
  const set = mine.flatMap((words) =>
    words.filter((_, at) => words[at - 1] === '--set').map(nameOf),
  );
  expect(set).toEqual(['image.digest']);
  const { image } = parse(readFileSync('deploy/helm/shrike/values.yaml', 'utf8')) as {
    readonly image: object;
  };
  expect(Object.keys(image)).toContain('digest');
});

test('what is waited for is what the overlay makes, and the chart finds its Secrets', async () => {
  const resources = await rendered('overlays/production');
  const names = resources.map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}`);
  const waited = commandsFor('kubectl').filter((words) => words.includes('wait'));
  const named = waited.flat().filter((word) => /^kafka(?:user|topic)?\//.test(word));
  expect(named).toEqual(['kafka/shrike', 'kafkauser/shrike', 'kafkauser/payments']);
  for (const name of named) expect(names).toContain(name);
  for (const { apiVersion, kind, metadata } of resources) {
    const [group = '', version] = apiVersion.split('/');
    const type = version === undefined ? kind : `${kind}.${group}`;
    expect(page).toContain(`\n${type.toLowerCase()}/${metadata.name} created\n`);
  }
  expect(new Set(resources.map(({ metadata }) => metadata.namespace ?? 'shrike'))).toEqual(
    new Set(['shrike']),
  );
});
