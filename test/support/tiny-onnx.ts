/** ONNX models of one node, written as protobuf by hand: tests can have any model they want. */

const bytes = (field: number, content: Uint8Array | string): number[] => {
  const body = typeof content === 'string' ? Buffer.from(content) : content;
  return [(field << 3) | 2, ...varint(body.length), ...body];
};
const integer = (field: number, value: number): number[] => [
  ...varint(field << 3),
  ...varint(value),
];
const message = (...fields: number[][]): Uint8Array => Uint8Array.from(fields.flat());

function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  out.push(rest);
  return out;
}

/** A float32 tensor [N, width]. */
function port(name: string, width: number): Uint8Array {
  const shape = message(
    bytes(1, message(bytes(2, 'N'))), // dim_param
    bytes(1, message(integer(1, width))), // dim_value
  );
  const type = message(bytes(1, message(integer(1, 1), bytes(2, shape)))); // elem_type 1: float
  return message(bytes(1, name), bytes(2, type));
}

export interface TinyModel {
  /** `Sigmoid`: in (0, 1), NaN for NaN. `Identity`: the row itself. `Div`: x / x, NaN at 0. */
  readonly op: 'Sigmoid' | 'Identity' | 'Div';
  readonly width: number;
  readonly input?: string;
  readonly output?: string;
}

/** probabilities[N, width] = op(features[N, width]) */
export function tinyOnnx(model: TinyModel): Uint8Array {
  const { op, width, input = 'features', output = 'probabilities' } = model;
  const inputs = op === 'Div' ? [input, input] : [input];
  const node = message(...inputs.map((name) => bytes(1, name)), bytes(2, output), bytes(4, op));
  const graph = message(
    bytes(1, node),
    bytes(2, 'tiny'),
    bytes(11, port(input, width)),
    bytes(12, port(output, width)),
  );
  const opset = message(bytes(1, ''), integer(2, 13));
  return message(integer(1, 8), bytes(7, graph), bytes(8, opset));
}

/** A tree as ONNX has it: its nodes, the root first; what `yes` and `no` name are indexes. */
export type TinyTree = readonly TinyTreeNode[];
export type TinyTreeNode =
  | { readonly weight: number }
  | {
      readonly mode: 'BRANCH_LT' | 'BRANCH_LEQ' | 'BRANCH_GT' | 'BRANCH_GTE' | 'BRANCH_EQ';
      readonly feature: number;
      readonly value: number;
      readonly yes: number;
      readonly no: number;
      readonly nanIsYes: boolean;
    };

type TinyBranch = Exclude<TinyTreeNode, { weight: number }>;

export interface TinyForest {
  readonly trees: readonly TinyTree[];
  readonly width: number;
  readonly kind: 'TreeEnsembleClassifier' | 'TreeEnsembleRegressor';
  readonly post: 'LOGISTIC' | 'NONE';
  readonly base?: number;
  /** Lists of numbers as one field, as newer writers do. */
  readonly packed?: boolean;
  /** Nodes are numbered from the last of a tree to its first, which stays the root. */
  readonly backwards?: boolean;
}

/** probabilities = the trees' score: of a classifier, of two classes */
export function forestOnnx(forest: TinyForest): Uint8Array {
  const { kind, width } = forest;
  const isClassifier = kind === 'TreeEnsembleClassifier';
  const outputs = isClassifier ? ['label', 'probabilities'] : ['probabilities'];
  const node = message(
    bytes(1, 'features'),
    ...outputs.map((name) => bytes(2, name)),
    bytes(4, kind),
    ...forestAttributes(forest).map((attribute) => bytes(5, attribute)),
    bytes(7, 'ai.onnx.ml'),
  );
  const graph = message(
    bytes(1, node),
    bytes(2, 'forest'),
    bytes(11, port('features', width)),
    bytes(12, port('probabilities', isClassifier ? 2 : 1)),
  );
  const opsets = [bytes(8, message(bytes(1, 'ai.onnx.ml'), integer(2, 1)))];
  return message(integer(1, 8), bytes(7, graph), ...opsets);
}

function forestAttributes(forest: TinyForest): Uint8Array[] {
  const { trees, kind, post, base, packed = false, backwards = false } = forest;
  const of = kind === 'TreeEnsembleClassifier' ? 'class' : 'target';
  const nodes = trees.flatMap((tree, treeId) => {
    const idOf = (index: number) => (backwards ? tree.length - 1 - index : index);
    return tree.map((node, index) => ({ treeId, id: idOf(index), node, idOf }));
  });
  const leaves = nodes.filter(({ node }) => 'weight' in node);
  const branch = <T>(
    take: (node: TinyBranch, idOf: (index: number) => number) => T,
    otherwise: T,
  ) => nodes.map(({ node, idOf }) => ('weight' in node ? otherwise : take(node, idOf)));
  const ints = (name: string, values: readonly number[]) =>
    packed
      ? message(bytes(1, name), bytes(8, Uint8Array.from(values.flatMap(varint))), integer(20, 7))
      : message(bytes(1, name), ...values.map((value) => integer(8, value)), integer(20, 7));
  const floats = (name: string, values: readonly number[]) =>
    packed
      ? message(bytes(1, name), bytes(7, floatBytes(values)), integer(20, 6))
      : message(bytes(1, name), ...values.map(float), integer(20, 6));
  const texts = (name: string, values: readonly string[]) =>
    message(bytes(1, name), ...values.map((value) => bytes(9, value)), integer(20, 8));
  const text = (name: string, value: string) =>
    message(bytes(1, name), bytes(4, value), integer(20, 3));
  return [
    ints(
      'nodes_treeids',
      nodes.map(({ treeId }) => treeId),
    ),
    ints(
      'nodes_nodeids',
      nodes.map(({ id }) => id),
    ),
    ints(
      'nodes_featureids',
      branch(({ feature }) => feature, 0),
    ),
    floats(
      'nodes_values',
      branch(({ value }) => value, 0),
    ),
    texts(
      'nodes_modes',
      branch<string>(({ mode }) => mode, 'LEAF'),
    ),
    ints(
      'nodes_truenodeids',
      branch(({ yes }, idOf) => idOf(yes), 0),
    ),
    ints(
      'nodes_falsenodeids',
      branch(({ no }, idOf) => idOf(no), 0),
    ),
    ints(
      'nodes_missing_value_tracks_true',
      branch(({ nanIsYes }) => Number(nanIsYes), 0),
    ),
    ints(
      `${of}_treeids`,
      leaves.map(({ treeId }) => treeId),
    ),
    ints(
      `${of}_nodeids`,
      leaves.map(({ id }) => id),
    ),
    ints(
      `${of}_ids`,
      leaves.map(() => 0),
    ),
    floats(
      `${of}_weights`,
      leaves.map(({ node }) => ('weight' in node ? node.weight : 0)),
    ),
    text('post_transform', post),
    ...(base === undefined ? [] : [floats('base_values', [base])]),
    ...(of === 'class'
      ? [ints('classlabels_int64s', [0, 1])]
      : [message(bytes(1, 'n_targets'), integer(3, 1), integer(20, 2))]),
  ];
}

function floatBytes(values: readonly number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}

/** Field 7, wire type fixed32. */
function float(value: number): number[] {
  return [(7 << 3) | 5, ...floatBytes([value])];
}
