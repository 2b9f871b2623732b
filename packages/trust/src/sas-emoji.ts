/** One picture of a short authentication string. */
export interface SasEmoji {
  readonly emoji: string;
  /** English name, to be read out. */
  readonly name: string;
}

/** The pictures in the order of their numbers: those of Matrix (client-server API, "SAS method: emoji"). */
const TABLE: readonly (readonly [emoji: string, name: string])[] = [
  ["🐶", "Dog"],
  ["🐱", "Cat"],
  ["🦁", "Lion"],
  ["🐎", "Horse"],
  ["🦄", "Unicorn"],
  ["🐷", "Pig"],
  ["🐘", "Elephant"],
  ["🐰", "Rabbit"],
  ["🐼", "Panda"],
  ["🐓", "Rooster"],
  ["🐧", "Penguin"],
  ["🐢", "Turtle"],
  ["🐟", "Fish"],
  ["🐙", "Octopus"],
  ["🦋", "Butterfly"],
  ["🌷", "Flower"],
  ["🌳", "Tree"],
  ["🌵", "Cactus"],
  ["🍄", "Mushroom"],
  ["🌏", "Globe"],
  ["🌙", "Moon"],
  ["☁️", "Cloud"],
  ["🔥", "Fire"],
  ["🍌", "Banana"],
  ["🍎", "Apple"],
  ["🍓", "Strawberry"],
  ["🌽", "Corn"],
  ["🍕", "Pizza"],
  ["🎂", "Cake"],
  ["❤️", "Heart"],
  ["😀", "Smiley"],
  ["🤖", "Robot"],
  ["🎩", "Hat"],
  ["👓", "Glasses"],
  ["🔧", "Spanner"],
  ["🎅", "Santa"],
  ["👍", "Thumbs Up"],
  ["☂️", "Umbrella"],
  ["⌛", "Hourglass"],
  ["⏰", "Clock"],
  ["🎁", "Gift"],
  ["💡", "Light Bulb"],
  ["📕", "Book"],
  ["✏️", "Pencil"],
  ["📎", "Paperclip"],
  ["✂️", "Scissors"],
  ["🔒", "Lock"],
  ["🔑", "Key"],
  ["🔨", "Hammer"],
  ["☎️", "Telephone"],
  ["🏁", "Flag"],
  ["🚂", "Train"],
  ["🚲", "Bicycle"],
  ["✈️", "Aeroplane"],
  ["🚀", "Rocket"],
  ["🏆", "Trophy"],
  ["⚽", "Ball"],
  ["🎸", "Guitar"],
  ["🎺", "Trumpet"],
  ["🔔", "Bell"],
  ["⚓", "Anchor"],
  ["🎧", "Headphones"],
  ["📁", "Folder"],
  ["📌", "Pin"],
];

/** 64 pictures with their names. */
export const SAS_EMOJI: readonly SasEmoji[] = TABLE.map(([emoji, name]) => ({ emoji, name }));

/** Pictures in one string: 42 bits. */
export const SAS_LENGTH = 7;
/** Bytes that {@link sasEmojiOf} reads. */
export const SAS_BYTES = 6;

/** @returns seven pictures: one for each six bits, the highest first; the last six bits of `bytes` are left over. */
export function sasEmojiOf(bytes: Uint8Array): readonly SasEmoji[] {
  if (bytes.length !== SAS_BYTES) throw new RangeError(`expected ${SAS_BYTES} bytes`);
  const number = BigInt(`0x${bytes.toHex()}`) >> 6n;
  return Array.from({ length: SAS_LENGTH }, (_, place) => {
    const index = Number((number >> BigInt(6 * (SAS_LENGTH - 1 - place))) & 63n);
    return SAS_EMOJI[index] as SasEmoji;
  });
}
