import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { LogHttpPage } from "../log/log-pages.ts";

/** What those who watch the relay may ask. */
export interface WatchOptions {
  /** Whether `/metrics` answers others than this machine. */
  readonly publicMetrics: boolean;
  /** Rejects when the relay cannot do its work now. */
  checkHealth(): Promise<void>;
  /** What the transparency log shows under a path that begins with `/log/`. */
  logPage(path: string): Promise<LogHttpPage | undefined>;
  exposeMetrics(): Promise<{ readonly text: string; readonly contentType: string }>;
  isFromThisMachine(request: IncomingMessage): boolean;
}

type Route = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Answers `GET /healthz`, `/metrics` and `/log/…`; everything else is 404. Bodies are not read. */
export function watchHandler(options: WatchOptions): RequestListener {
  const routes: ReadonlyMap<string, Route> = new Map([
    ["/healthz", (_request, response) => answerHealth(response, options)],
    ["/metrics", (request, response) => answerMetrics(request, response, options)],
  ]);
  const answerLog: Route = async (request, response) => {
    const page = await options.logPage((request.url ?? "").split("?")[0] ?? "");
    if (!page) return end(response, 404);
    response.setHeader("cache-control", page.isFinal ? "public, max-age=31536000, immutable" : "no-cache");
    end(response, 200, { text: page.body, contentType: page.contentType });
  };
  return (request, response) => {
    const [path = ""] = (request.url ?? "").split("?");
    const isRead = request.method === "GET" || request.method === "HEAD";
    const route = isRead ? (path.startsWith("/log/") ? answerLog : routes.get(path)) : undefined;
    if (!route) return end(response, 404);
    route(request, response).catch(() => end(response, 500));
  };
}

async function answerHealth(response: ServerResponse, { checkHealth }: WatchOptions): Promise<void> {
  const healthy = await checkHealth().then(
    () => true,
    () => false,
  );
  const text = JSON.stringify({ status: healthy ? "ok" : "unavailable" });
  end(response, healthy ? 200 : 503, { text, contentType: "application/json; charset=utf-8" });
}

async function answerMetrics(
  request: IncomingMessage,
  response: ServerResponse,
  { publicMetrics, exposeMetrics, isFromThisMachine }: WatchOptions,
): Promise<void> {
  if (!publicMetrics && !isFromThisMachine(request)) return end(response, 404);
  end(response, 200, await exposeMetrics());
}

function end(
  response: ServerResponse,
  status: number,
  { text, contentType }: { text: string | Uint8Array; contentType: string } = {
    text: "",
    contentType: "text/plain",
  },
): void {
  response.writeHead(status, { "content-type": contentType, "content-length": Buffer.byteLength(text) });
  response.end(text);
}
