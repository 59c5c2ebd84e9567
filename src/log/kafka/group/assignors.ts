import type { GroupAssignment, GroupToAssign } from './assignment.ts';
import { cooperativeSticky } from './cooperative-sticky.ts';
import { range } from './range.ts';

export interface Assignor {
  /** Known to all clients by this name. */
  readonly protocol: string;
  readonly assign: (group: GroupToAssign) => GroupAssignment;
}

export const ASSIGNORS = {
  eager: { protocol: 'range', assign: range },
  cooperative: { protocol: 'cooperative-sticky', assign: cooperativeSticky },
} as const satisfies Record<string, Assignor>;

export type AssignmentKind = keyof typeof ASSIGNORS;
