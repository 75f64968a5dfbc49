// What the hand is told: { colour, words, with }: words are a key of the page's language, `with` fills it in.

export const told = (colour, words, filled = {}) => ({ colour, words, with: filled });
