import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cardFraudFlow, FEATURE_ORDER, type Payment, ZipTable } from '../../operators/index.ts';
import { parseJsonBatch } from '../../src/codec/json.ts';
import { type Flow, Stepper } from '../../src/core/flow.ts';
import { ActorCodec } from '../../state/actor-codec.ts';
import { levelOf, writeSchemaOf } from '../../state/write-schema.ts';
import { nextRelease } from '../support/next-release.ts';
import { payments } from '../support/payments.ts';

const zips = ZipTable.parse('zip,lat,lon\n10001,40.75,-73.99\n94110,37.75,-122.41');
const flow = cardFraudFlow({ parse: parseJsonBatch, zips });
const next = nextRelease(flow);
const WIDTH = FEATURE_ORDER.length;
const USERS = 2;

const [level1, level2] = [flow, next].map((of) => levelOf(of, { program: 'test', createdAtMs: 0 }));

/** A process of a release, in a group of a level. */
function program(of: Flow<Payment>, level: typeof level1) {
  return {
    stepper: new Stepper(of, FEATURE_ORDER),
    codec: new ActorCodec(of, writeSchemaOf(of, level)),
  };
}

const OLD = program(flow, level1);
const NEW = program(next, level1);
const FINALISED = program(next, level2);
/** A store that does not tell the level. */
const UNSURE = program(next, undefined);
type Program = typeof OLD;

/** The actors of a partition that is handed on after every payment, as bytes. */
function run(events: readonly Payment[], programs: readonly Program[]) {
  const rows = new Float32Array(events.length * WIDTH);
  const actors = new Map<number, Uint8Array>();
  let schemas = {};
  for (const [i, event] of events.entries()) {
    const { stepper, codec } = programs[i] as Program;
    codec.check(schemas);
    const bytes = actors.get(event.user);
    const actor = bytes ? codec.decode(event.user, bytes, schemas) : stepper.createActor();
    stepper.step(actor, event, rows, i);
    schemas = codec.schemasWith(schemas);
    actors.set(event.user, codec.encode(actor));
  }
  return { rows, actors, schemas };
}

const history = fc
  .array(
    fc.record({
      minutes: fc.constantFrom(0, 1, 30, 60, 700, 1440, 10_079),
      user: fc.nat(USERS - 1),
      card: fc.nat(1),
      amount: fc.integer({ min: -9999, max: 99_999 }).map((cents) => cents / 100),
      zip: fc.constantFrom('10001', '94110', ''),
    }),
    { minLength: 1, maxLength: 40, size: 'max' },
  )
  .map((steps) => {
    let ms = Date.UTC(2020, 1, 28);
    return payments(
      steps.map(({ minutes, amount, ...fields }, idx) => {
        ms += minutes * 60_000;
        const when = new Date(ms);
        const value = JSON.stringify({
          ...fields,
          ...{ idx, amount, merchant_name: String(idx % 3), merchant_city: 'A', mcc: 1 },
          ...{ merchant_state: 'NY', errors: '', use_chip: 'Chip Transaction' },
          ...{ year: when.getUTCFullYear(), month: when.getUTCMonth() + 1 },
          ...{ day: when.getUTCDate(), time: when.toISOString().slice(11, 16) },
        });
        return { key: String(fields.user), value, timestampMs: 0 };
      }),
    );
  });

test('U1: handed to and fro between two releases, state and features are those of the old one alone', () => {
  fc.assert(
    fc.property(history, fc.infiniteStream(fc.constantFrom(OLD, NEW, UNSURE)), (events, who) => {
      const alone = run(
        events,
        events.map(() => OLD),
      );
      expect(run(events, [...who.take(events.length)])).toEqual(alone);
    }),
    { numRuns: 150 },
  );
});

test('O5: once finalised, state written as the level before is that of the old release alone', () => {
  fc.assert(
    fc.property(history, fc.nat(), (events, cut) => {
      const alone = run(
        events,
        events.map(() => OLD),
      );
      const at = cut % events.length;
      const found = run(
        events,
        events.map((_, i) => (i < at ? NEW : FINALISED)),
      );
      expect(found.rows).toEqual(alone.rows);
      for (const [user, bytes] of found.actors) {
        const actor = NEW.codec.decode(user, bytes, found.schemas);
        expect(NEW.codec.encode(actor)).toEqual(alone.actors.get(user));
      }
      expect(() => OLD.codec.check(found.schemas)).toThrow(
        'state of operator card_velocity was written by version 3; this is version 2',
      );
    }),
    { numRuns: 60 },
  );
});
