/** All that is used of TypeBox: the programs hold just that, of 700 modules. */
export { type Static, Type } from 'typebox';
export { Check } from 'typebox/schema';
export { Errors } from 'typebox/value';
