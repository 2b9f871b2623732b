/** What both ends say before anything else, in one line. */
export const HONESTY =
  "Classic mode: nothing proves who the server is, messages can be altered unnoticed, and the server reads " +
  "everything. For a chat without these faults: `parley serve`, then `parley join LINK`.";
