/** Errors of the API, and of those who ask it. */
import { kind } from './error-kind.ts';

export const API_ERRORS = {
  API_UNREACHABLE: kind(
    'external',
    'never',
    'The running engine does not answer on its address; is it starting or stopping?',
  ),
  API_PORT_TAKEN: kind('input', 'never', 'Choose another port: --port N (0 picks a free one).'),
  API_ADDRESS_UNUSABLE: kind(
    'input',
    'never',
    'Choose an address of this machine (127.0.0.1) and a port this user may open: --port N.',
  ),
  API_HOST_REFUSED: kind(
    'input',
    'never',
    'Use the address that Shrike printed: other host names may be a page that attacks this machine.',
  ),
  API_TOKEN_WRONG: kind(
    'input',
    'never',
    'Send `authorization: Bearer TOKEN` with the token of the running engine; docs/api.md says where it is.',
  ),
  API_REQUEST_INVALID: kind('input', 'never', 'Correct the request; docs/api.md has examples.'),
  API_NOT_FOUND: kind('input', 'never', 'docs/api.md lists the paths.'),
  API_BUSY: kind('external', 'backoff', 'Close other pages of this engine, or try again later.'),
} as const;
