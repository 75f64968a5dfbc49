// Marks a text that is said elsewhere, so that the catalogue's test finds it here.

export const said = (text) => text;
