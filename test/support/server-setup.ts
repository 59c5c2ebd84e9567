/** Vitest's global set-up: whatever servers the tests of this run start end with it. */
import { startWatchdog } from './server-folder.ts';

export default function setUp(): () => Promise<void> {
  const watchdog = startWatchdog();
  return () => watchdog.end();
}
