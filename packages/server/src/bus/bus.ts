/**
 * Wakes up whoever delivers a log when it has grown. A wake-up carries no content and may be lost, doubled or late: the
 * store is the truth, and a later wake-up of the same topic makes good for a lost one.
 */
export interface Bus {
  /** Says that the log `topic` now reaches `seq`. Called after the entry is durable. */
  publish(topic: string, seq: number): void;
  /** Hears every topic from now on. @returns what ends it. */
  subscribe(hear: (topic: string, seq: number) => void): () => void;
  /** Lets go of every resource. */
  close(): Promise<void>;
}
