/**
 * As much of an ONNX file as it takes to find its nodes and their attributes.
 * Field numbers: onnx.proto, of the project onnx/onnx.
 */

export interface OnnxNode {
  readonly type: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

/** One of these is filled, as the attribute's type has it. */
export interface OnnxAttribute {
  readonly text: string;
  readonly ints: readonly number[];
  readonly floats: readonly number[];
  readonly texts: readonly string[];
}

const GRAPH_OF_MODEL = 7;
const NODE_OF_GRAPH = 1;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/**
 * @param model bytes that ONNX Runtime has accepted
 * @throws RangeError when they are no such file after all
 */
export function nodesOf(model: Uint8Array): OnnxNode[] {
  const nodes: OnnxNode[] = [];
  for (const graph of fieldsOf(model)) {
    if (graph.number !== GRAPH_OF_MODEL) continue;
    for (const node of fieldsOf(graph.bytes)) {
      if (node.number === NODE_OF_GRAPH) nodes.push(readNode(node.bytes));
    }
  }
  return nodes;
}

function readNode(bytes: Uint8Array): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, OnnxAttribute>();
  let [type, domain] = ['', ''];
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) inputs.push(textOf(field.bytes));
    else if (field.number === 2) outputs.push(textOf(field.bytes));
    else if (field.number === 4) type = textOf(field.bytes);
    else if (field.number === 7) domain = textOf(field.bytes);
    else if (field.number === 5) {
      const { name, ...attribute } = readAttribute(field.bytes);
      attributes.set(name, attribute);
    }
  }
  return { type, domain, inputs, outputs, attributes };
}

/** Numbers that are repeated may be packed into one field, or be a field each. */
function readAttribute(bytes: Uint8Array): OnnxAttribute & { name: string } {
  const ints: number[] = [];
  const floats: number[] = [];
  const texts: string[] = [];
  let [name, text] = ['', ''];
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) name = textOf(field.bytes);
    else if (field.number === 2 || field.number === 7) floats.push(...floatsOf(field.bytes));
    else if (field.number === 4) text = textOf(field.bytes);
    else if (field.number === 9) texts.push(textOf(field.bytes));
    else if (field.number === 3 || field.number === 8) {
      if (field.wire === VARINT) ints.push(field.value);
      else
        for (const at = { at: 0 }; at.at < field.bytes.length; ) ints.push(varint(field.bytes, at));
    }
  }
  return { name, text, ints, floats, texts };
}

interface Field {
  readonly number: number;
  readonly wire: number;
  readonly value: number;
  /** Of a message, a text, or packed numbers; the four bytes of a float. */
  readonly bytes: Uint8Array;
}

const EMPTY = new Uint8Array(0);

function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  const cursor = { at: 0 };
  while (cursor.at < bytes.length) {
    const key = varint(bytes, cursor);
    const [number, wire] = [key >>> 3, key & 7];
    if (wire === VARINT) {
      yield { number, wire, value: varint(bytes, cursor), bytes: EMPTY };
      continue;
    }
    const length = lengthOf(wire, bytes, cursor);
    const end = cursor.at + length;
    if (end > bytes.length)
      throw new RangeError(`a field of ${length} bytes ends beyond its message`);
    yield { number, wire, value: 0, bytes: bytes.subarray(cursor.at, end) };
    cursor.at = end;
  }
}

function lengthOf(wire: number, bytes: Uint8Array, cursor: { at: number }): number {
  if (wire === BYTES) return varint(bytes, cursor);
  if (wire === FIXED32) return 4;
  if (wire === FIXED64) return 8;
  throw new RangeError(`wire type ${wire} is none of protobuf's`);
}

/** Exact up to 2^53; a negative number, ten bytes long, comes out as one. */
function varint(bytes: Uint8Array, cursor: { at: number }): number {
  let [low, high, shift] = [0, 0, 0];
  for (;;) {
    const byte = bytes[cursor.at++];
    if (byte === undefined || shift > 63) throw new RangeError('a number has no end');
    if (shift < 28) low += (byte & 127) * 2 ** shift;
    else high += (byte & 127) * 2 ** (shift - 28);
    shift += 7;
    if (byte < 128) break;
  }
  const value = high * 2 ** 28 + low;
  return shift === 70 ? value - 2 ** 64 : value;
}

function floatsOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length >> 2 }, (_, i) => view.getFloat32(i * 4, true));
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}
