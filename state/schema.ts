/**
 * Which operators, in which versions, wrote an actor. Entries carry the id; the store's meta (and a
 * manifest) carries the dictionary from id to schema.
 */
import type { OperatorVersion } from '../src/core/flow.ts';
import type { StoreMeta } from '../src/core/state.ts';

export type Schema = readonly OperatorVersion[];
export type Schemas = StoreMeta['schemas'];

/** Order matters: an actor's states are stored by position. */
function canonicalText(schema: Schema): string {
  return JSON.stringify(schema.map(({ name, key, version }) => [name, key, version]));
}

/** FNV-1a, 32 bits, of the canonical text in UTF-8. */
export function schemaId(schema: Schema): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(canonicalText(schema))) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash >>> 0;
}

/** The id as it stands in a dictionary: 8 hex digits. */
export function schemaName(id: number): string {
  return id.toString(16).padStart(8, '0');
}

export function sameSchema(a: Schema, b: Schema): boolean {
  return canonicalText(a) === canonicalText(b);
}
