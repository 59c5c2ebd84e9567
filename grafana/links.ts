/** Where a panel's description leads: sections of docs/operations.md. A test holds them to it. */

/**
 * A variable of each dashboard, hidden: whoever publishes the documents sets it once, in the
 * dashboard's settings or with `npm run dashboards -- --docs URL`.
 */
export const DOCS_VARIABLE = 'docs';
export const DOCS_URL = 'https://docs.example/shrike';

/** The anchor of a heading. That of an alert's runbook is the alert's name. */
export type Runbook =
  | 'input-that-is-keyed-otherwise'
  | 'lost-state'
  | 'one-process-several-processes'
  | 'shrikealertshareshift'
  | 'shrikeavailabilitybudgetburn'
  | 'shrikecertificateexpiring'
  | 'shrikecheckpointfailing'
  | 'shrikecheckpointstale'
  | 'shrikecommitfailing'
  | 'shrikedeadletters'
  | 'shrikediskfull'
  | 'shrikedisknearfull'
  | 'shrikedown'
  | 'shrikedrillfailed'
  | 'shrikedrilloverdue'
  | 'shrikeheapnearlimit'
  | 'shrikelaggrowing'
  | 'shrikelaghigh'
  | 'shrikelatencybudgetburn'
  | 'shrikememorynearlimit'
  | 'shrikemodelmismatch'
  | 'shrikepartitionnotlive'
  | 'shrikepartitionnotowned'
  | 'shrikepartitionrecovering'
  | 'shrikepartitionstuck'
  | 'shrikeproblems'
  | 'shrikerekeylaghigh'
  | 'shrikerestartloop'
  | 'shrikescoredrift'
  | 'shrikescorerthreadsdying'
  | 'shrikescoringfailing'
  | 'stuck-transaction'
  | 'the-store-is-down-or-full';

export function runbookLink(runbook: Runbook): string {
  return `[Runbook](\${${DOCS_VARIABLE}}/operations.md#${runbook})`;
}
