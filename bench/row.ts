/** One figure. `goal`: what ARCHITECTURE's numbers ask for; `peer` and `ratio`: another program measured in the same run. */
export interface BenchRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly goal?: number;
  readonly peer?: string;
  readonly ratio?: number;
}
