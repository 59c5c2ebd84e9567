import type { Command } from 'commander';
import type { BundleOptions, CheckOptions } from '../model.ts';
import { wholeNumber } from '../options.ts';

const BUNDLE_EXAMPLES = `
Rows: a CSV whose header has the features in the model's order (a column idx is left out), as
\`shrike run --features csv\` writes them; probes are chosen among them. models/README.md has the
format.

Examples:
  shrike model bundle models/mine --name mine-2 --rows features.csv --threshold 0.4
`;
const CHECK_EXAMPLES = `
Examples:
  shrike model check models/mine
  shrike model check models/mine --judge     a bundle made by hand, or whose verdict is outdated
`;

export function addModel(program: Command): void {
  const group = program
    .command('model')
    .description('make and check model bundles')
    .addHelpText('after', BUNDLE_EXAMPLES + CHECK_EXAMPLES);
  group
    .command('bundle')
    .description('write bundle.json beside the model.onnx of a folder, and check both')
    .argument('<dir>', 'folder with model.onnx')
    .requiredOption('--name <name>', "the model's name in alerts and metrics")
    .requiredOption('--rows <file>', 'rows of features to choose probes from (.csv)')
    .option('--feature-set <name>', "features it was trained with (default: this program's)")
    .option('--threshold <number>', 'score from which a payment is an alert', '0.5')
    .option('--input <name>', "the model's input", 'features')
    .option('--output <name>', 'the output with the score', 'probabilities')
    .option('--column <n>', "the score's column in it", wholeNumber('--column', 0), 1)
    .option('--probes <n>', 'probes at most', wholeNumber('--probes', 0), 8)
    .option('--json', 'as JSON')
    .addHelpText('after', BUNDLE_EXAMPLES)
    .action(async (dir: string, options: BundleOptions) =>
      (await import('../model.ts')).bundle(dir, options),
    );
  group
    .command('check')
    .description('check a bundle as the engine does at its start')
    .argument('<dir>', 'folder with model.onnx and bundle.json')
    .option('--judge', "write ONNX Runtime's verdict on the trees into bundle.json")
    .option('--json', 'as JSON')
    .addHelpText('after', CHECK_EXAMPLES)
    .action(async (dir: string, options: CheckOptions) =>
      (await import('../model.ts')).check(dir, options),
    );
}
