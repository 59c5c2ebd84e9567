/**
 * Where the real payments are: SHRIKE_REAL_DATA names the folder, else it lies beside the clone.
 */
import { fileURLToPath } from 'node:url';

/** May not be there; its tests then run on the golden sample, and say so. */
export const REAL_FOLDER =
  process.env['SHRIKE_REAL_DATA'] ??
  fileURLToPath(new URL('../../../shared/data', import.meta.url));
