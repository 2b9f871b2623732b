import type { Bus } from "./bus/bus.ts";
import type { Clock } from "./clock.ts";
import type { NewIdentity } from "./identity/server-keys.ts";
import type { RelayLimits } from "./limits/relay-limits.ts";
import type { WitnessAddress } from "./log/witness-feed.ts";
import type { LogOptions } from "./log.ts";
import type { RegistrationMode } from "./requests/call.ts";
import type { RelayStore } from "./store/contract.ts";

/** Who ends TLS, and with which key. */
export type TlsMode =
  /** The relay, with a certificate it made for itself; clients go by the signed statement. */
  | { readonly kind: "self-signed" }
  /** The relay, with the operator's PEM files; they are read anew when they change. */
  | { readonly kind: "files"; readonly certificateFile: string; readonly keyFile: string }
  /**
   * A proxy, whose keys are listed in `tls-spki.txt` in the data folder. `trustForwardedFor`: the proxy appends the
   * client's address to `X-Forwarded-For`; without it all clients count as one address.
   */
  | { readonly kind: "off"; readonly trustForwardedFor?: boolean };

/** How to start a relay; see `startRelay`. */
export interface RelayOptions {
  /** Created if need be; everything in it is readable by its owner only. */
  readonly dataFolder: string;
  /** Address to listen on. Default 127.0.0.1. */
  readonly host?: string;
  /** 0: any free port. Default 0. */
  readonly port?: number;
  /** Names and addresses by which clients dial this relay, without port. Default: what can be told from `host`. */
  readonly hostNames?: readonly string[];
  /** Default self-signed. */
  readonly tls?: TlsMode;
  /** Default `invite`. */
  readonly registration?: RegistrationMode;
  /**
   * Awaited once, at the first start, before the identity comes to be: what it does not keep of the recovery words is
   * lost. When it throws, nothing was written.
   */
  readonly onNewIdentity: (identity: NewIdentity) => void | Promise<void>;
  readonly log?: LogOptions;
  /** Who is asked to cosign the transparency log's checkpoints. Default: nobody. */
  readonly witnesses?: readonly WitnessAddress[];
  /** Whether `/metrics` answers others than this machine. Default false. */
  readonly publicMetrics?: boolean;
  readonly limits?: Partial<RelayLimits>;
  readonly clock?: Clock;
  /** Default: SQLite in the data folder. The relay closes it. */
  readonly openStore?: (dataFolder: string) => RelayStore | Promise<RelayStore>;
  /** Default: within this process. The relay closes it. */
  readonly bus?: Bus;
}
