/** ONNX models of one node, written as protobuf by hand: tests can have any model they want. */

const bytes = (field: number, content: Uint8Array | string): number[] => {
  const body = typeof content === 'string' ? Buffer.from(content) : content;
  return [(field << 3) | 2, ...varint(body.length), ...body];
};
const integer = (field: number, value: number): number[] => [field << 3, ...varint(value)];
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
