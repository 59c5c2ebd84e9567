/** Errors of files that are given to the program: raw payments, tables, models. */
import { kind } from './error-kind.ts';

export const FILE_ERRORS = {
  // CSV input.
  CSV_MISSING: kind('input', 'never', 'Check the path.'),
  CSV_EMPTY: kind(
    'input',
    'never',
    'The file has no header line; check that it was copied completely.',
  ),
  CSV_HEADER: kind(
    'input',
    'never',
    'The first line must hold the column names of the Kaggle set; the message shows the difference.',
  ),
  CSV_UNREADABLE: kind(
    'input',
    'never',
    'Check the permissions of the file and that it was copied completely.',
  ),
  CSV_ROW_UNREADABLE: kind(
    'data',
    'never',
    'The line is no CSV row in UTF-8; the reason says why. The lines around it are read.',
  ),
  CSV_TOO_MANY_REJECTS: kind(
    'input',
    'never',
    'See the rejects file; raise --rejects-max if the rows may really be left out.',
  ),

  // Tables that come with the program.
  ZIP_TABLE_INVALID: kind(
    'input',
    'never',
    'Restore operators/data/zip_centroids.csv from the release: lines of zip,lat,lon in degrees.',
  ),

  // Model.
  MODEL_BUNDLE_MISSING: kind(
    'input',
    'never',
    'Name a folder with model.onnx and bundle.json: --model DIR.',
  ),
  MODEL_BUNDLE_INVALID: kind(
    'input',
    'never',
    'Correct bundle.json; models/README.md shows the format.',
  ),
  MODEL_NOT_ONNX: kind(
    'input',
    'never',
    'model.onnx cannot be loaded by ONNX Runtime; export it again.',
  ),
  MODEL_FEATURES_MISMATCH: kind(
    'input',
    'never',
    'The model wants other features than the operators yield; operators/README.md lists them.',
  ),
  MODEL_OUTPUT_INVALID: kind(
    'internal',
    'backoff',
    'The model answers with something that is no probability; put the previous bundle back.',
  ),
  SCORING_FAILED: kind(
    'external',
    'backoff',
    'ONNX Runtime failed on a batch; it is tried again. See the cause.',
  ),
} as const;
