/**
 * The tables, one script for each version; version n of a database is what scripts 1 to n made of it. A script that was
 * ever released is never changed: later changes are further scripts.
 *
 * An append writes one row, at the end of `entries`. What would cost a page for each room, its place in the room
 * (`entry_places`), its client id (`client_ids`) and the room's head (`rooms.settled_*`), is written later for many
 * entries at once; until then it is in memory and follows from `entries` (see room-log.ts).
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  INSERT INTO meta VALUES ('generation', 1), ('settled-below', 1), ('probe', 0);

  CREATE TABLE records (name TEXT PRIMARY KEY, version INTEGER NOT NULL, bytes BLOB NOT NULL);

  CREATE TABLE devices (
    id INTEGER PRIMARY KEY,
    account BLOB NOT NULL,
    number INTEGER NOT NULL,
    inbox_head INTEGER NOT NULL DEFAULT 0,
    UNIQUE (account, number)
  );

  CREATE TABLE rooms (
    id INTEGER PRIMARY KEY,
    room BLOB NOT NULL UNIQUE,
    epoch INTEGER NOT NULL,
    settled_seq INTEGER NOT NULL,
    settled_head BLOB NOT NULL
  );
  CREATE TABLE entries (id INTEGER PRIMARY KEY, room INTEGER NOT NULL, bytes BLOB NOT NULL);
  -- entries: ids in table entries, 8 bytes each, of consecutive seqs that end with last_seq.
  CREATE TABLE entry_places (
    room INTEGER NOT NULL, last_seq INTEGER NOT NULL, entries BLOB NOT NULL,
    PRIMARY KEY (room, last_seq)
  ) WITHOUT ROWID;
  CREATE TABLE client_ids (
    room INTEGER NOT NULL, device INTEGER NOT NULL, client_id BLOB NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (room, device, client_id)
  ) WITHOUT ROWID;
  CREATE TABLE commits (
    room INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (room, epoch)
  ) WITHOUT ROWID;
  -- left_seq: 0 while on the roster, else the commit that took the device off it.
  CREATE TABLE roster (
    room INTEGER NOT NULL, device INTEGER NOT NULL, left_seq INTEGER NOT NULL,
    PRIMARY KEY (room, device)
  ) WITHOUT ROWID;
  CREATE INDEX roster_by_device ON roster (device, room) WHERE left_seq = 0;
  -- seq, head: of the commit that began the epoch.
  CREATE TABLE group_infos (
    room INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL, seq INTEGER NOT NULL, head BLOB NOT NULL, bytes BLOB NOT NULL
  );
  CREATE TABLE ratchet_trees (
    id INTEGER PRIMARY KEY,
    room INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, head BLOB NOT NULL,
    kept_at_ms INTEGER NOT NULL, bytes BLOB NOT NULL,
    UNIQUE (room, epoch)
  );
  CREATE INDEX ratchet_trees_by_age ON ratchet_trees (kept_at_ms);
  CREATE TABLE welcomes (
    id INTEGER PRIMARY KEY,
    room INTEGER NOT NULL, seq INTEGER NOT NULL, device INTEGER NOT NULL,
    sender INTEGER NOT NULL, kept_at_ms INTEGER NOT NULL, item BLOB NOT NULL,
    UNIQUE (room, seq, device)
  );

  CREATE TABLE inbox_items (
    id INTEGER PRIMARY KEY,
    device INTEGER NOT NULL, seq INTEGER NOT NULL,
    sender INTEGER NOT NULL, received_at_ms INTEGER NOT NULL, item BLOB NOT NULL,
    UNIQUE (device, seq)
  );
  CREATE INDEX inbox_items_by_age ON inbox_items (received_at_ms);
  CREATE TABLE inbox_keys (
    device INTEGER NOT NULL, dedupe_key BLOB NOT NULL, seq INTEGER NOT NULL, received_at_ms INTEGER NOT NULL,
    PRIMARY KEY (device, dedupe_key)
  ) WITHOUT ROWID;
  CREATE INDEX inbox_keys_by_age ON inbox_keys (received_at_ms);

  -- state: 0 reserved, 1 owned, 2 released.
  CREATE TABLE names (
    name TEXT PRIMARY KEY, account BLOB NOT NULL, state INTEGER NOT NULL, at_ms INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE accounts (
    account BLOB PRIMARY KEY, name TEXT NOT NULL, name_opening BLOB NOT NULL,
    created_at_ms INTEGER NOT NULL, chain_length INTEGER NOT NULL
  );
  CREATE TABLE chain_entries (
    id INTEGER PRIMARY KEY,
    account BLOB NOT NULL, place INTEGER NOT NULL, bytes BLOB NOT NULL,
    UNIQUE (account, place)
  );

  -- package: NULL once it was handed out; the hash is remembered for a while.
  CREATE TABLE key_packages (
    id INTEGER PRIMARY KEY,
    device INTEGER NOT NULL, hash BLOB NOT NULL, generation INTEGER NOT NULL,
    package BLOB, taken_at_ms INTEGER,
    UNIQUE (device, hash)
  );
  CREATE INDEX key_packages_in_stock ON key_packages (device, generation, id) WHERE package IS NOT NULL;
  CREATE INDEX key_packages_taken ON key_packages (taken_at_ms) WHERE package IS NULL;
  CREATE TABLE last_resorts (device INTEGER PRIMARY KEY, package BLOB NOT NULL);

  CREATE TABLE invites (
    id BLOB PRIMARY KEY, secret_hash BLOB NOT NULL, expires_at_ms INTEGER NOT NULL,
    uses INTEGER NOT NULL, inviter BLOB
  ) WITHOUT ROWID;
  CREATE TABLE invite_uses (
    invite BLOB NOT NULL, account BLOB NOT NULL,
    PRIMARY KEY (invite, account)
  ) WITHOUT ROWID;
  `,
  `
  -- Bytes of the settled entries of a device. An entry has its seq at byte 18, its sender's account at 35 and number at 67.
  CREATE TABLE device_bytes (device INTEGER PRIMARY KEY, bytes INTEGER NOT NULL);
  INSERT INTO device_bytes
    SELECT devices.id, sum(length(entries.bytes))
    FROM entries JOIN rooms ON rooms.id = entries.room
      JOIN devices ON devices.account = substr(entries.bytes, 35, 32)
        AND unhex(printf('%08x', devices.number)) = substr(entries.bytes, 67, 4)
    WHERE substr(entries.bytes, 18, 8) <= unhex(printf('%016x', rooms.settled_seq))
    GROUP BY devices.id;
  `,
];
