/** SHRIKE_ variables that are no setting: a command that starts with one of them set goes on. */
export const OTHER_VARIABLES: readonly string[] = [
  // The key that masks card numbers (`pan-key.ts`): no setting, since settings are printed.
  'SHRIKE_PAN_KEY',
  // Of kafka.sasl, when there is no password file: no setting for the same reason.
  'SHRIKE_KAFKA_PASSWORD',
  // Of Grafana's provisioning, which may share an environment with the engine.
  'SHRIKE_PROMETHEUS',
  'SHRIKE_SCRAPE_INTERVAL',
  // What tests and benchmarks are told; they start commands with their own environment.
  'SHRIKE_FAULTS_SEED',
  'SHRIKE_KILL_SEED',
  'SHRIKE_REAL_DATA',
  'SHRIKE_SCREENSHOTS',
  'SHRIKE_SIM_FROM',
  'SHRIKE_SIM_SEED',
  'SHRIKE_SIM_SEEDS',
  'SHRIKE_TEST_SERVERS',
  'SHRIKE_TEST_STILLBORN',
];
