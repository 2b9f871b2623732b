/**
 * A key encapsulation mechanism over raw bytes. Keys carry what has been derived from them, so that a key used
 * twice is imported once.
 */
export interface Kem {
  /** RFC 9180 §7.1 identifier. */
  readonly id: number;
  generate(): KemKeyPair;
  derive(inputKey: Uint8Array): KemKeyPair;
  importPublic(raw: Uint8Array): KemPublicKey;
  importPrivate(raw: Uint8Array): KemPrivateKey;
  encapsulate(recipient: KemPublicKey): { readonly encapsulated: Uint8Array; readonly shared: Uint8Array };
  /** Throws on an encapsulation that can't be one. */
  decapsulate(recipient: KemPrivateKey, encapsulated: Uint8Array): Uint8Array;
}

export interface KemPublicKey {
  readonly raw: Uint8Array;
}

export interface KemPrivateKey {
  readonly raw: Uint8Array;
}

export interface KemKeyPair {
  readonly privateKey: KemPrivateKey;
  readonly publicKey: KemPublicKey;
}

/** Remembers what a key object was made into, for as long as the key lives. */
export function memo<Key extends object, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const known = new WeakMap<Key, Value>();
  return (key) => {
    const found = known.get(key);
    if (found !== undefined) return found;
    const made = make(key);
    known.set(key, made);
    return made;
  };
}
