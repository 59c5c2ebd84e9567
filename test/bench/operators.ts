/**
 * CPU µs a payment (collector's threads included) of each step from a packed batch to outputs, one
 * thread: node dist/test/bench/operators.js [payments=200000] [users=2000] Payments are synthetic,
 * with the reference set's shape: about one a day and card, habitual merchants.
 */
import {
  CardUserProfiles,
  cardFraudFlow,
  FEATURE_ORDER,
  type Payment,
} from '../../operators/index.ts';
import { parseJsonBatch } from '../../src/codec/json.ts';
import { type ActorState, Stepper } from '../../src/core/flow.ts';
import { seeded } from '../../src/core/random.ts';
import { type NewRecord, PackedRecords, packRecords } from '../../src/core/records.ts';

const BATCH = 1024;
const PARTITIONS = 8;
const CARDS = 3;
const ZIPS = ['91750', '10001', '60601', '94110', '02139', '77005', '33101', '98101', '46228', ''];
const KINDS = ['Chip Transaction', 'Swipe Transaction', 'Online Transaction'];
const MERCHANTS = 40;
const MODEL = { modelId: 'bench', threshold: 0.5, featureSet: 'bench' };

const paymentCount = Number(process.argv[2] ?? 200_000);
const userCount = Number(process.argv[3] ?? 2000);
const random = seeded(1);

function transaction(idx: number): NewRecord {
  const user = random.int(userCount);
  const card = random.int(CARDS);
  // Each user pays CARDS times a day.
  const minute = Math.floor((idx / (userCount * CARDS)) * 1440);
  const when = new Date(Date.UTC(2015, 0, 1) + minute * 60_000);
  const habit = Math.floor(random.next() ** 3 * MERCHANTS);
  const name = (BigInt(user * CARDS + card) * 1_000_003n + BigInt(habit)) * 31_415_926_535n;
  const value = {
    idx,
    user,
    card,
    year: when.getUTCFullYear(),
    month: when.getUTCMonth() + 1,
    day: when.getUTCDate(),
    time: when.toISOString().slice(11, 16),
    amount: Math.round(random.next() ** 4 * 50_000) / 100,
    use_chip: random.pick(KINDS),
    merchant_name: String(name),
    merchant_city: 'La Verne',
    merchant_state: 'CA',
    zip: random.pick(ZIPS),
    mcc: 5300,
    errors: random.chance(0.02) ? 'Insufficient Balance,' : '',
    is_fraud: 0,
  };
  return { key: String(user), value: JSON.stringify(value), timestampMs: 0 };
}

function profiles(): CardUserProfiles {
  const known = new CardUserProfiles({
    parse: parseJsonBatch,
    usersTopic: 'users',
    cardsTopic: 'cards',
  });
  const users: NewRecord[] = [];
  const cards: NewRecord[] = [];
  for (let user = 0; user < userCount; user++) {
    const place = { latitude: 34.1 + random.next(), longitude: -117.7 + random.next() };
    const money = { fico_score: 700, total_debt: 12_000, yearly_income: 60_000 };
    const value = JSON.stringify({ user, ...place, ...money });
    users.push({ key: String(user), value, timestampMs: 0 });
    for (let card = 0; card < CARDS; card++) {
      const facts = { credit_limit: 9000, card_on_dark_web: false, year_pin_last_changed: 2010 };
      cards.push({
        key: `${user}:${card}`,
        value: JSON.stringify({ user, card, ...facts }),
        timestampMs: 0,
      });
    }
  }
  known.apply('users', PackedRecords.of(packRecords(users)), 0, 0);
  known.apply('cards', PackedRecords.of(packRecords(cards)), 0, 0);
  return known;
}

const spentMicros: Record<string, number> = {};
function timed<T>(stage: string, work: () => T): T {
  const start = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(start);
  spentMicros[stage] = (spentMicros[stage] ?? 0) + user + system;
  return result;
}

const known = profiles();
const flow = cardFraudFlow({ parse: parseJsonBatch });
const stepper = new Stepper(flow, FEATURE_ORDER);
const actors = new Map<number, ActorState>();
const rows = new Float32Array(BATCH * stepper.width);
let outputCount = 0;

function runBatch(bytes: Uint8Array): void {
  const records = PackedRecords.of(bytes);
  timed('parse alone', () => parseJsonBatch(records, 0));
  const { events } = timed('decode (parse, validate)', () => flow.decode(records, 0));
  const batch = events as readonly Payment[];
  const own = timed('find actors', () =>
    batch.map((event) => {
      let actor = actors.get(event.user);
      if (actor === undefined) actors.set(event.user, (actor = stepper.createActor()));
      return actor;
    }),
  );
  timed('step', () => {
    for (let i = 0; i < batch.length; i++) {
      stepper.step(own[i] as ActorState, batch[i] as Payment, rows, i);
    }
  });
  timed('profiles and enrich', () => {
    for (let i = 0; i < batch.length; i++) {
      const event = batch[i] as Payment;
      stepper.enrich(event, known.of(event), rows, i);
    }
  });
  timed('decide (no alerts)', () => {
    for (let i = 0; i < batch.length; i++) {
      flow.decide.decide(
        {
          event: batch[i] as Payment,
          score: Math.fround(0.4 / (1 + (i % 997))),
          features: rows.subarray(i * stepper.width, (i + 1) * stepper.width),
          topic: 'transactions',
          partition: 0,
          offset: i,
          profileVersions: () => known.versions(batch[i] as Payment),
        },
        MODEL,
        (_topic, _key, value) => (outputCount += value.length),
      );
    }
  });
}

/**
 * A poll brings one partition's payments: an eighth of the users, whose states then fit in a core's
 * cache.
 */
const partitions = Array.from({ length: PARTITIONS }, (): NewRecord[] => []);
let measured = 0;
for (let idx = 0; idx < paymentCount; idx++) {
  const record = transaction(idx);
  const partition = partitions[Number(record.key) % PARTITIONS] as NewRecord[];
  partition.push(record);
  if (partition.length < BATCH) continue;
  // The first third fills the windows and warms the compiler up.
  if (idx < paymentCount / 3) {
    for (const stage of Object.keys(spentMicros)) spentMicros[stage] = 0;
    measured = 0;
  }
  measured += BATCH;
  runBatch(packRecords(partition.splice(0)));
}
for (const [stage, micros] of Object.entries(spentMicros)) {
  process.stdout.write(`${stage.padEnd(26)} ${(micros / measured).toFixed(3)} µs\n`);
}
process.stdout.write(`${actors.size} actors, ${outputCount} bytes of outputs\n`);
