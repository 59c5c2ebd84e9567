// Whether the engine in this container is alive: exit code 0 or 1, and why. The engine itself says
// in its data folder where it listens.
const { readFileSync } = require('node:fs');
const { get } = require('node:http');

const folder = process.env.SHRIKE_DATA_DIR ?? '/var/lib/shrike';

/** @returns {never} */
function end(code, text) {
  process.stdout.write(`${text}\n`);
  process.exit(code);
}

function address() {
  const { address: listening } = JSON.parse(readFileSync(`${folder}/shrike.lock`, 'utf8'));
  if (listening === undefined) throw new Error('the engine does not listen yet');
  return new URL('/healthz', listening.replace('0.0.0.0', '127.0.0.1').replace('[::]', '[::1]'));
}

try {
  const request = get(address(), { timeout: 4000 }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (part) => {
      text += part;
    });
    response.on('end', () => end(response.statusCode === 200 ? 0 : 1, text.trim()));
  });
  request.on('timeout', () => request.destroy(new Error('no answer within 4 s')));
  request.on('error', (error) => end(1, error.message));
} catch (error) {
  end(1, error.message);
}
