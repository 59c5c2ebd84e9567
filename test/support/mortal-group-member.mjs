// A static member of a consumer group in a process of its own, to be stopped, woken and killed.
// node mortal-group-member.mjs HOST:PORT GROUP TOPIC INSTANCE cooperative|eager
// Says: joined G, + N N …, - N N …, woken G, trouble CODE, with G the live generation or none.
import { writeSync } from 'node:fs';
import { systemClock } from '../../dist/src/core/clock.js';
import { codeOf } from '../../dist/src/core/errors.js';
import { seeded } from '../../dist/src/core/random.js';
import { Cluster } from '../../dist/src/log/kafka/cluster.js';
import { GroupMember } from '../../dist/src/log/kafka/group/member.js';

const [address = '', group, topic, instanceId, assignment] = process.argv.slice(2);
const [host, port] = address.split(':');
const settings = { bootstrap: [{ host, port: Number(port) }], clientId: 'mortal' };
const cluster = new Cluster({ settings, clock: systemClock, requestTimeoutMs: 10_000 });
const say = (text) => writeSync(1, `${text}\n`);
const numbers = (partitions) => partitions.map(({ partition }) => partition).join(' ');

const member = await GroupMember.join({
  cluster,
  clock: systemClock,
  random: seeded(process.pid),
  group,
  topic,
  instanceId,
  assignment,
  sessionTimeoutMs: 6000,
  listener: {
    assigned: (partitions) => say(`+ ${numbers(partitions)}`),
    revoked: async (partitions) => say(`- ${numbers(partitions)}`),
  },
  onTrouble: (error) => say(`trouble ${codeOf(error)}`),
});
const live = () => member.generation?.generation ?? 'none';
process.on('SIGCONT', () => say(`woken ${live()}`));
say(`joined ${live()}`);
