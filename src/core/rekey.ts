/** What re-keying tells of itself: counts since it was started. */
export interface RekeyStatus {
  /** Input records committed, dead letters included. */
  readonly records: number;
  readonly deadLetters: number;
  readonly commits: number;
  /** Times it went back to what is committed, whatever the cause. */
  readonly recoveries: number;
  /** One sentence each; empty when all is well. */
  readonly problems: readonly string[];
  /** What was in the input when its partitions came here is in the internal topic. */
  readonly isCaughtUp: boolean;
}

/** The same as the status shows it, with what waits in the input. */
export interface RekeyPicture extends RekeyStatus {
  readonly lagRecords: number;
  /** Age of the oldest record that waits. */
  readonly lagSeconds: number;
}
