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
  readonly ints: Float64Array;
  readonly floats: Float64Array;
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
  const whole = new Fields(Buffer.from(model.buffer, model.byteOffset, model.byteLength));
  while (whole.next()) {
    if (whole.number !== GRAPH_OF_MODEL) continue;
    const graph = whole.message();
    while (graph.next()) {
      if (graph.number === NODE_OF_GRAPH) nodes.push(readNode(graph.message()));
    }
  }
  return nodes;
}

function readNode(fields: Fields): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, OnnxAttribute>();
  let [type, domain] = ['', ''];
  while (fields.next()) {
    if (fields.number === 1) inputs.push(fields.text());
    else if (fields.number === 2) outputs.push(fields.text());
    else if (fields.number === 4) type = fields.text();
    else if (fields.number === 7) domain = fields.text();
    else if (fields.number === 5) {
      const { name, ...attribute } = readAttribute(fields.message());
      attributes.set(name, attribute);
    }
  }
  return { type, domain, inputs, outputs, attributes };
}

/** Numbers that are repeated may be packed into one field, or be a field each. */
function readAttribute(fields: Fields): OnnxAttribute & { name: string } {
  const ints = new NumberList();
  const floats = new NumberList();
  const texts: string[] = [];
  const known = new Map<string, string>();
  let [name, text] = ['', ''];
  while (fields.next()) {
    if (fields.number === 1) name = fields.text();
    else if (fields.number === 2 || fields.number === 7) fields.floatsTo(floats);
    else if (fields.number === 4) text = fields.text();
    else if (fields.number === 9) texts.push(oneOf(known, fields.text()));
    else if (fields.number === 3 || fields.number === 8) fields.intsTo(ints);
  }
  return { name, text, ints: ints.all(), floats: floats.all(), texts };
}

/** A list of ten thousand texts is some ten, again and again. */
function oneOf(known: Map<string, string>, text: string): string {
  const before = known.get(text);
  if (before === undefined) known.set(text, text);
  return before ?? text;
}

/**
 * A growing list that is not on the heap: a model's lists are more than a young heap holds at a
 * start, and its collections took longer than the reading.
 */
class NumberList {
  #numbers = new Float64Array(0);
  #count = 0;

  push(value: number): void {
    if (this.#count === this.#numbers.length) {
      const larger = new Float64Array(Math.max(64, this.#count * 4));
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.#count++] = value;
  }

  all(): Float64Array {
    return this.#numbers.subarray(0, this.#count);
  }
}

/**
 * The fields of a message, one after the other in the same object: a model of two hundred trees has
 * a hundred thousand, and every start waits until they are read.
 */
class Fields {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #end: number;
  #at: number;
  number = 0;
  #wire = 0;
  /** Of a number. */
  #value = 0;
  /** Where a message, a text, packed numbers or a float begin; they end at #at. */
  #from = 0;

  constructor(bytes: Buffer, from = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = from;
    this.#end = end;
  }

  /** Goes on to the next field; false behind the last. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const key = this.#varint(this.#end);
    this.number = key >>> 3;
    this.#wire = key & 7;
    if (this.#wire === VARINT) {
      this.#value = this.#varint(this.#end);
      this.#from = this.#at;
      return true;
    }
    const length = this.#length();
    this.#from = this.#at;
    this.#at += length;
    if (this.#at > this.#end) {
      throw new RangeError(`a field of ${length} bytes ends beyond its message`);
    }
    return true;
  }

  message(): Fields {
    return new Fields(this.#bytes, this.#from, this.#at);
  }

  text(): string {
    return this.#bytes.toString('utf8', this.#from, this.#at);
  }

  intsTo(ints: NumberList): void {
    if (this.#wire === VARINT) {
      ints.push(this.#value);
      this.#alikeTo(ints);
      return;
    }
    const end = this.#at;
    for (this.#at = this.#from; this.#at < end; ) ints.push(this.#varint(end));
  }

  floatsTo(floats: NumberList): void {
    for (let at = this.#from; at + 4 <= this.#at; at += 4) floats.push(this.#float(at));
    const key = (this.number << 3) | FIXED32;
    while (this.#at + 5 <= this.#end && this.#bytes[this.#at] === key) {
      floats.push(this.#float(this.#at + 1));
      this.#at += 5;
    }
  }

  /** Fields of the same number follow each other by the ten thousand: a call less for each. */
  #alikeTo(ints: NumberList): void {
    const bytes = this.#bytes;
    const key = (this.number << 3) | VARINT;
    let at = this.#at;
    while (at + 2 < this.#end && bytes[at] === key) {
      const low = bytes[at + 1] as number;
      const high = bytes[at + 2] as number;
      if (low < 128) {
        ints.push(low);
        at += 2;
      } else if (high < 128) {
        ints.push(low - 128 + high * 128);
        at += 3;
      } else break;
    }
    this.#at = at;
  }

  #float(at: number): number {
    return this.#view.getFloat32(at, true);
  }

  #length(): number {
    if (this.#wire === BYTES) return this.#varint(this.#end);
    if (this.#wire === FIXED32) return 4;
    if (this.#wire === FIXED64) return 8;
    throw new RangeError(`wire type ${this.#wire} is none of protobuf's`);
  }

  /** Exact up to 2^53; a negative number, ten bytes long, comes out as one. */
  #varint(end: number): number {
    const first = this.#bytes[this.#at] as number;
    if (first < 128 && this.#at < end) {
      this.#at++;
      return first;
    }
    let low = 0;
    let high = 0;
    let shift = 0;
    for (;;) {
      if (this.#at >= end || shift > 63) throw new RangeError('a number has no end');
      const byte = this.#bytes[this.#at++] as number;
      if (shift < 28) low += (byte & 127) * 2 ** shift;
      else high += (byte & 127) * 2 ** (shift - 28);
      shift += 7;
      if (byte < 128) break;
    }
    const value = high * 2 ** 28 + low;
    return shift === 70 ? value - 2 ** 64 : value;
  }
}
