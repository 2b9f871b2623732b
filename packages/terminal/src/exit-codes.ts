/**
 * How `parley` ends. The table of docs: 10 and up say that nothing is wrong with the command, but with the server or
 * the way to it.
 */
export const EXIT_CODES = {
  ok: 0,
  /** It did not work; standard error says why. */
  failure: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** The account is locked with a password, and none or another was given. */
  locked: 3,
  /** First contact with a server for which nothing speaks; nothing was sent. */
  notProven: 10,
  /** The server answers with a key that does not follow from the remembered one; nothing was sent. */
  serverChanged: 11,
  /** The server shows an older or another history of itself; nothing was sent. */
  serverRolledBack: 12,
  /** The relay does not let this account in. */
  refused: 13,
  /** The relay is out of reach; what was to be sent is queued. Trying again later makes sense. */
  offline: 20,
} as const;
/** One of {@link EXIT_CODES}. */
export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];
