/** `shrike alerts`: a consumer of the alert topic that prints each alert in full. */
import type { AlertRecord } from '../core/status.ts';
import { requireEngine, untilSignal, withAccess } from './access.ts';
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
  if (options.follow === true) {
    return follow(requireEngine(config.dataDir, '--follow'), options.count, each);
  }
  await withAccess(config, async (access) => {
    for (const alert of await access.alerts(options.count)) each(alert);
  });
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
