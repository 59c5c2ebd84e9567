/** What a commit shows the broker to prove that its sender is a member of the group (KIP-447). */
export interface GroupGeneration {
  readonly generation: number;
  readonly memberId: string;
  /** Null: a dynamic member. */
  readonly instanceId: string | null;
}
