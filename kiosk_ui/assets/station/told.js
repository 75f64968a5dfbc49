// What the hand is told: { colour, words, with }: words are a key of the page's language, or two, of one and of
// several of its {n}; `with` fills it in.

export const told = (colour, words, filled = {}) => ({ colour, words, with: filled });
