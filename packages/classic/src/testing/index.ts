/** Stand-ins for the original programs and for time, for tests and stories alone. */
export { HandClock, patientClock } from "./hand-clock.ts";
export { ListeningClient } from "./listening-client.ts";
export { OriginalClient } from "./original-client.ts";
export { OriginalServer } from "./original-server.ts";
