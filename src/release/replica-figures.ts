/** What one replica tells the others of a release. How it gets to them is not decided here. */
import type { ReleaseFigures } from '../model/release.ts';

export interface ReplicaFigures {
  readonly revision: string;
  readonly step: number;
  /** Since the step began. */
  readonly figures: ReleaseFigures;
  /** Why it has stopped the release for itself; empty = it has not. */
  readonly stopped: string;
}

export interface ReplicaExchange {
  /** Everything this process has to tell; what it told before is void. Nothing: it has no release under way. */
  tell(own: readonly ReplicaFigures[]): void;
  /** What others told lately. */
  heard(): readonly ReplicaFigures[];
  /** How many have told something, and are silent now. */
  silent(): number;
}

export const NO_REPLICAS: ReplicaExchange = { tell: () => {}, heard: () => [], silent: () => 0 };
