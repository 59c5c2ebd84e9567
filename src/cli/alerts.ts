/** `shrike alerts`: a consumer of the alert topic that prints each alert in full. */
import { setMaxListeners } from 'node:events';
import { followAlerts } from '../alert-feed.ts';
import { systemClock as clock } from '../core/clock.ts';
import { explain, ShrikeError } from '../core/errors.ts';
import type { AlertRecord } from '../core/status.ts';
import { outputNames } from '../job.ts';
import { requireEngine, untilSignal, withAccess } from './access.ts';
import type { Access } from './access-contract.ts';
import { alertText } from './alert-text.ts';
import { configOf, print, printJson } from './common.ts';
import type { EngineClient } from './engine-client.ts';
import type { CommonOptions } from './options.ts';

export interface AlertsOptions extends CommonOptions {
  readonly count: number;
  readonly follow?: boolean;
  readonly json?: boolean;
}

export async function showAlerts(options: AlertsOptions): Promise<void> {
  const { config } = configOf(options);
  const show = ({ value }: AlertRecord) => printJson(value);
  const tell = (alert: AlertRecord) => print(`${alertText(alert)}\n`);
  const each = options.json === true ? show : tell;
  if (options.follow === true && config.kafka.bootstrap !== '') {
    const topic = outputNames(config).alerts;
    return withAccess(config, (access, signal) =>
      followLog(access, { ...options, topic, each, signal }),
    );
  }
  if (options.follow === true) {
    return follow(requireEngine(config.dataDir, '--follow'), options.count, each);
  }
  await withAccess(config, async (access) => {
    for (const alert of await access.alerts(options.count)) each(alert);
  });
}

interface Following {
  readonly topic: string;
  readonly count: number;
  readonly each: (alert: AlertRecord) => void;
  readonly signal: AbortSignal;
}

/** As any consumer: of a group with many members, it shows the alerts of all. */
async function followLog(access: Access, { topic, count, each, signal }: Following): Promise<void> {
  const [there] = await access.topics([topic]);
  if (there === undefined) {
    throw new ShrikeError('LOG_TOPIC_UNKNOWN', `there is no topic ${topic} to follow yet`);
  }
  const startAt = there.offsets.map(({ highWatermark }) => highWatermark);
  const isOld = ({ partition, offset }: AlertRecord) => offset < (startAt[partition] ?? 0);
  for (const alert of await access.alerts(count)) if (isOld(alert)) each(alert);
  const { partitions } = there;
  // Each partition's reader waits for it.
  setMaxListeners(0, signal);
  const log = await access.reader();
  const onError = (error: unknown) => process.stderr.write(`${explain(error)}\n`);
  const where = { log, topic, partitions, startAt, backlog: 0 };
  await followAlerts({ ...where, clock, signal, onError }, each);
}

/** The stream is open before the newest ones are asked for, so that none falls in between. */
async function follow(
  client: EngineClient,
  count: number,
  each: (alert: AlertRecord) => void,
): Promise<void> {
  const shown = new Map<number, number>();
  const once = (alert: AlertRecord) => {
    if (alert.offset <= (shown.get(alert.partition) ?? -1)) return;
    shown.set(alert.partition, alert.offset);
    each(alert);
  };
  let isOpen = false;
  for await (const { event, payload } of client.events('/api/stream', untilSignal())) {
    if (!isOpen && count > 0) {
      const newest = await client.get<AlertRecord[]>(`/api/alerts?count=${Math.min(count, 1000)}`);
      for (const alert of newest.reverse()) once(alert);
    }
    isOpen = true;
    if (event === 'alert') once(payload as AlertRecord);
  }
}
