/**
 * Prints the folder from which terraform takes its AWS provider in tests: TERRAFORM_MIRROR, or one
 * called tf-plugins where such things lie; `direct` in TERRAFORM_MIRROR downloads it (700 MB).
 * Exit code 3, and why, when there is no terraform or no provider.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const PLACES = ['/opt', '/usr/share', '/usr/local/share', '/srv', '/var/lib'];

function found() {
  const inPlaces = PLACES.filter((place) => existsSync(place)).flatMap((place) =>
    readdirSync(place).map((name) => join(place, name)),
  );
  return inPlaces.find((path) => path.endsWith('/tf-plugins'));
}

function end(why) {
  process.stderr.write(`${why}\n`);
  process.exit(3);
}

const { status } = spawnSync('terraform', ['version'], { stdio: 'ignore' });
if (status !== 0) end('there is no terraform');
const mirror = process.env.TERRAFORM_MIRROR ?? found();
if (mirror === undefined) {
  end('there is no folder with the AWS provider; TERRAFORM_MIRROR names one, or says direct');
}
process.stdout.write(`${mirror}\n`);
