/** The page of a running engine: connects what is shown to what comes over the stream. */
import type { AlertRecord, StatusPoint, StatusSnapshot } from '../src/core/status.ts';
import { AlertFeed } from './alert-feed.ts';
import { Charts } from './charts.ts';
import { byId, setText } from './dom.ts';
import { Overview } from './overview.ts';
import { PartitionTable } from './partitions.ts';
import { listen } from './stream.ts';

/** A status comes each second; without one for so long something is wrong. */
const SILENCE_MS = 5000;

const overview = new Overview();
const charts = new Charts();
const feed = new AlertFeed();
const partitions = new PartitionTable();
let connected = false;
let heardAt = performance.now();

function showBanner(text: string): void {
  const banner = byId('banner');
  banner.hidden = text === '';
  setText(banner, text);
}

function pointOf({ atMs, paymentsPerSecond, latencyMs }: StatusSnapshot): StatusPoint {
  return { atMs, paymentsPerSecond, p50: latencyMs.p50, p99: latencyMs.p99 };
}

async function loadAlerts(): Promise<void> {
  const answer = await fetch('/api/alerts?count=100');
  if (!answer.ok) throw new Error(`the engine answers ${answer.status} for its alerts`);
  feed.add((await answer.json()) as readonly AlertRecord[]);
}

listen('/api/stream', {
  opened: () => {
    connected = true;
    heardAt = performance.now();
    showBanner('');
    // After the stream stands, so that no alert falls between the two.
    loadAlerts().catch((error) => showBanner(`The alerts cannot be shown: ${error.message}`));
  },
  history: (points) => charts.add(points),
  status: (status) => {
    heardAt = performance.now();
    overview.show(status);
    // Working off a backlog is no traffic: the server's history leaves it out too.
    if (status.ready) charts.add([pointOf(status)]);
    partitions.show(status);
    document.title = `${status.application} – Shrike`;
  },
  alert: (alert) => feed.add([alert]),
  lost: () => {
    connected = false;
    overview.showAway();
    showBanner('The connection to the engine is lost: what you see is the past. Trying again…');
  },
});

let silent = false;
setInterval(() => {
  const isSilent = connected && performance.now() - heardAt > SILENCE_MS;
  if (isSilent === silent) return;
  silent = isSilent;
  if (connected)
    showBanner(silent ? 'The engine is connected but says nothing: it may be stuck.' : '');
}, 1000);
