import { monitorEventLoopDelay } from "node:perf_hooks";
import type { ErrorCode, RequestKind } from "@parley/protocol";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { StoreUsage } from "./store/contract.ts";

/** Where {@link RelayMetrics} looks when it is asked. */
export interface MetricSources {
  connectionCount(): number;
  sessionCount(): number;
  topicCount(): number;
  storeUsage(): Promise<StoreUsage>;
}

const NANOSECONDS = 1e9;
const STORE_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/** Counts for `/metrics`, in a registry of their own. Labels are words of this program: never users, rooms, addresses. */
export class RelayMetrics {
  readonly #registry = new Registry();
  readonly #loopDelay = monitorEventLoopDelay({ resolution: 20 });
  readonly #requests = this.#counter("parley_requests_total", "Requests carried out", ["kind"]);
  readonly #errors = this.#counter("parley_errors_total", "Requests refused and frames not understood", [
    "code",
  ]);
  readonly #appends = this.#counter("parley_appends_total", "Entries appended to room logs");
  readonly #deliveries = this.#counter("parley_deliveries_total", "Log entries put into outboxes");
  readonly #lagging = this.#counter("parley_lagging_total", "Times a slow connection lost its queue");
  readonly #opened = this.#counter("parley_connections_opened_total", "Connections accepted");
  readonly #refused = this.#counter("parley_connections_refused_total", "Connections over a limit");
  readonly #latency = new Histogram({
    name: "parley_store_append_seconds",
    help: "Time from a request to durable",
    buckets: STORE_SECONDS,
    registers: [this.#registry],
  });
  readonly #batch = new Histogram({
    name: "parley_store_batch_entries",
    help: "Entries that became durable in one turn of the event loop",
    buckets: BATCH_SIZES,
    registers: [this.#registry],
  });
  #turnAppends = 0;

  constructor(sources: MetricSources) {
    this.#gauge("parley_connections", "Open connections", () => sources.connectionCount());
    this.#gauge("parley_sessions", "Connections that are logged in", () => sources.sessionCount());
    this.#gauge("parley_topics", "Logs that somebody listens to", () => sources.topicCount());
    this.#gauge("parley_event_loop_delay_seconds", "99th percentile since the last look", () => {
      const p99 = this.#loopDelay.percentile(99) / NANOSECONDS;
      this.#loopDelay.reset();
      return p99;
    });
    this.#gauge("process_resident_memory_bytes", "Memory of the process", () => process.memoryUsage.rss());
    for (const name of [
      "accounts",
      "rooms",
      "entries",
      "inboxItems",
      "keyPackages",
      "storageBytes",
    ] as const) {
      const metric = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      this.#gauge(
        `parley_store_${metric}`,
        "What the store holds",
        async () => (await sources.storeUsage())[name],
      );
    }
  }

  requested(kind: RequestKind): void {
    this.#requests.inc({ kind });
  }

  refused(code: ErrorCode): void {
    this.#errors.inc({ code });
  }

  appended(startedAt: number): void {
    this.#appends.inc();
    this.#latency.observe((performance.now() - startedAt) / 1000);
    if (this.#turnAppends++ > 0) return;
    setImmediate(() => {
      this.#batch.observe(this.#turnAppends);
      this.#turnAppends = 0;
    });
  }

  delivered(count: number): void {
    this.#deliveries.inc(count);
  }

  lagged(): void {
    this.#lagging.inc();
  }

  connectionOpened(): void {
    this.#opened.inc();
  }

  connectionRefused(): void {
    this.#refused.inc();
  }

  /** @returns everything in Prometheus' text format, and its content type. */
  async expose(): Promise<{ readonly text: string; readonly contentType: string }> {
    return { text: await this.#registry.metrics(), contentType: this.#registry.contentType };
  }

  /** Begins to watch the event loop. @returns what ends it. */
  watch(): () => void {
    this.#loopDelay.enable();
    return () => this.#loopDelay.disable();
  }

  #counter<L extends string = never>(name: string, help: string, labelNames: L[] = []): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #gauge(name: string, help: string, read: () => number | Promise<number>): void {
    const gauge = new Gauge({
      name,
      help,
      registers: [this.#registry],
      async collect() {
        gauge.set(await read());
      },
    });
  }
}
