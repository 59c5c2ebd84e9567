/**
 * A person on call, at a shell in the folder that has `.data`, with docs/operations.md.
 *
 *     linesIn('### ShrikeDown')                  what a section tells to type: commands, each once
 *     blocksIn('### Moving …', 'properties')     what else stands in it
 *     const shell = new OperatorShell({ folder, brokers })
 *     await shell.type('metric info')            with what the manual's own first block defines
 */
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { builtUrl } from './built.ts';
import { blocksOf } from './command-blocks.ts';

const MANUAL = readFileSync('docs/operations.md', 'utf8');
const CLI = fileURLToPath(builtUrl('src/cli.js'));

/** With its heading, up to the next one that is not below it. @throws Error when there is none */
export function sectionOf(heading: string): string {
  const start = `\n${MANUAL}`.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`docs/operations.md has no heading ${heading}`);
  const level = heading.split(' ')[0]?.length ?? 1;
  const [own = '', ...below] = MANUAL.slice(start).split(/^(?=#{2,4} )/m);
  const end = below.findIndex((one) => (one.split(' ')[0]?.length ?? 0) <= level);
  return [own, ...below.slice(0, end < 0 ? below.length : end)].join('');
}

/** @param language of their first lines */
export function blocksIn(heading: string, language = 'sh'): readonly string[] {
  return blocksOf(sectionOf(heading))
    .filter((block) => block.language === language)
    .map(({ text }) => text);
}

/** Defines `metric`, `partitions`, `ADDRESS`, `TOKEN`. */
const [HELPERS = ''] = blocksIn('## Alerts');

/** What stands on several lines in one, and without the manual's remarks. */
export function linesIn(heading: string): readonly string[] {
  const lines = blocksIn(heading)
    .filter((block) => block !== HELPERS)
    .flatMap((block) => block.replaceAll(/ +# .*$/gm, '').split(/(?<![\\|])\n/))
    .map((line) => line.replaceAll(/\s*\\\n\s*/g, ' ').trim())
    .filter((line) => line !== '');
  return [...new Set(lines)];
}

export interface Typed {
  readonly line: string;
  readonly code: number;
  readonly said: string;
}

interface Surroundings {
  readonly folder: string;
  readonly brokers?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export class OperatorShell {
  readonly #where: Surroundings;
  readonly #path: string;

  constructor(where: Surroundings) {
    this.#where = where;
    const tools = execFileSync('bash', ['tools/install-kafka-tools.sh'], {
      encoding: 'utf8',
    }).trim();
    this.#path = `${tools}/bin:${process.env.PATH ?? ''}`;
  }

  /** @param examples names of the manual's examples, and what they are called here */
  type(line: string, examples: Readonly<Record<string, string>> = {}): Promise<Typed> {
    const here = Object.entries(examples).reduce((text, [from, to]) => {
      if (!text.includes(from)) throw new Error(`${text} has no ${from}`);
      return text.replaceAll(from, to);
    }, line);
    const { folder, brokers = '', env } = this.#where;
    const shrike = `shrike() { "${process.execPath}" "${CLI}" "$@"; }`;
    // They read the address of an engine, and complain when none runs; not every line needs one.
    const helpers = `{ ${HELPERS} } 2>/dev/null`;
    const text = [shrike, helpers, `BROKERS=${brokers}`, here].join('\n');
    return new Promise((resolve) => {
      execFile(
        'bash',
        ['-o', 'pipefail', '-c', text],
        { cwd: folder, env: { ...process.env, ...env, PATH: this.#path } },
        (error, stdout, stderr) =>
          resolve({ line, code: error === null ? 0 : Number(error.code), said: stdout + stderr }),
      );
    });
  }

  /** @returns what it said. @throws Error when it fails */
  async do(line: string, examples: Readonly<Record<string, string>> = {}): Promise<string> {
    const { code, said } = await this.type(line, examples);
    if (code !== 0) throw new Error(`${line}\nended with ${code}: ${said}`);
    return said;
  }
}
