/** How replicas hear of each other's figures, as far as the loop has to know. */
import type { ReplicaFigures } from '../model/replica-figures.ts';

export interface ReplicaExchange {
  /** Everything this process has to tell; what it told before is void. Nothing: it has no release under way. */
  tell(own: readonly ReplicaFigures[]): void;
  /** What others told lately. */
  heard(): readonly ReplicaFigures[];
  /** How many have told something, and are silent now. */
  silent(): number;
}

export const NO_REPLICAS: ReplicaExchange = { tell: () => {}, heard: () => [], silent: () => 0 };
