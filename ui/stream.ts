/** The live connection: server-sent events, and a new try whenever it breaks. */
import type { AlertRecord, StatusPoint, StatusSnapshot } from '../src/core/status.ts';

export interface StreamListener {
  /** The connection stands; a `history` and a `status` follow. */
  opened(): void;
  history(points: readonly StatusPoint[]): void;
  status(status: StatusSnapshot): void;
  alert(alert: AlertRecord): void;
  /** The connection broke; the next try comes by itself. */
  lost(): void;
}

const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 5000;

/** EventSource tries again only after some failures (not after a 503), so this does it for all. */
export function listen(url: string, listener: StreamListener): void {
  let retryMs = RETRY_MS_MIN;
  const connect = () => {
    const source = new EventSource(url);
    const on = <T>(event: string, take: (payload: T) => void) =>
      source.addEventListener(event, (message) => take(JSON.parse(message.data) as T));
    source.onopen = () => {
      retryMs = RETRY_MS_MIN;
      listener.opened();
    };
    source.onerror = () => {
      source.close();
      listener.lost();
      setTimeout(connect, retryMs);
      retryMs = Math.min(RETRY_MS_MAX, retryMs * 2);
    };
    on<readonly StatusPoint[]>('history', (points) => listener.history(points));
    on<StatusSnapshot>('status', (status) => listener.status(status));
    on<AlertRecord>('alert', (alert) => listener.alert(alert));
  };
  connect();
}
