import type { EngineStatus } from './core/status.ts';

/** The status of a process that its group counts without: what was measured is from before. */
export function uncounted(measured: EngineStatus): EngineStatus {
  const problem = `the group ${measured.application} counts without this process, which has let its partitions go and waits for the brokers`;
  return { ...measured, ready: false, problems: [...measured.problems, problem] };
}
