/**
 * All that is used of TypeBox. The build replaces this file's output by a bundle of just that
 * (`tools/bundle-libraries.mjs`): the package has 700 modules, which take 200 ms to load.
 */
export { type Static, Type } from 'typebox';
export { Check } from 'typebox/schema';
export { Errors } from 'typebox/value';
