/** `shrike state get`: what the engine keeps of a user and the user's cards. */
import { ShrikeError } from '../core/errors.ts';
import type { ActorView } from '../core/status.ts';
import { withAccess } from './access.ts';
import { configOf, print, printJson } from './common.ts';
import type { CommonOptions } from './options.ts';

export interface StateOptions extends CommonOptions {
  readonly user: number;
  readonly card?: number;
  readonly json?: boolean;
}

export async function getState(options: StateOptions): Promise<void> {
  const { config } = configOf(options);
  await withAccess(config, async (access) => {
    const actor = await access.actor(options.user);
    if (actor === undefined) {
      throw new ShrikeError('ACTOR_UNKNOWN', `there is no state of user ${options.user}`);
    }
    const view = options.card === undefined ? actor : onlyCard(actor, options.card);
    if (options.json === true) printJson(view);
    else print(actorText(view));
  });
}

/** `describeActor` of state/: the root slot, and those of sub-keys under their names. */
interface Slot {
  readonly last: number;
  readonly states: Readonly<Record<string, unknown>>;
}
interface Described extends Slot {
  readonly cards?: Readonly<Record<string, Slot>>;
}

function onlyCard(actor: ActorView, card: number): ActorView {
  const { cards = {}, ...user } = actor.state as Described;
  const slot = cards[card];
  if (slot !== undefined) return { ...actor, state: { ...user, cards: { [card]: slot } } };
  const known = Object.keys(cards).join(', ') || 'none';
  throw new ShrikeError(
    'ACTOR_UNKNOWN',
    `there is no state of card ${card} of user ${actor.user}; its cards: ${known}`,
  );
}

function actorText({ user, partition, nextOffset, state }: ActorView): string {
  const { cards = {}, ...root } = state as Described;
  return [
    `user ${user}: partition ${partition}, all payments below offset ${nextOffset}`,
    ...slotLines(root),
    ...Object.entries(cards).flatMap(([card, slot]) => [`card ${card}`, ...slotLines(slot)]),
  ].join('\n');
}

function slotLines({ last, states }: Slot): readonly string[] {
  const time = last < 0 ? 'none yet' : new Date(last * 60_000).toISOString().slice(0, 16);
  const lines = Object.entries(states).map(([name, one]) => `  ${name}  ${JSON.stringify(one)}`);
  return [`  last payment ${time} (minute ${last})`, ...lines];
}
