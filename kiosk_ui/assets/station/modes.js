// The ways goods go, and the report that each is: what a scan means, and what a report was.

export const MODES = ["receive", "sell", "return", "take-back", "dispose", "use", "count"];
export const TYPES = {
  receive: { type: "goods-received.v1" }, sell: { type: "goods-sold.v1" },
  return: { type: "goods-returned.v1", direction: "to-supplier" },
  "take-back": { type: "goods-returned.v1", direction: "from-customer" },
  dispose: { type: "goods-disposed.v2" }, use: { type: "goods-used.v1" },
  count: { type: "stock-counted.v1" },
};

// The way that a report says; of a kind that no scan makes, none.
export const modeOf = ({ type, direction }) => MODES.find((mode) => TYPES[mode].type === type && TYPES[mode].direction === direction);
