// What corrections on a tape made of its lines: taken back, or said anew; the latest counts.

const CORRECTION = "entry-corrected.v2";

// Of rows { number, said }, those taken back, and the corrections { number, said } that say another anew.
export function corrected(rows) {
  const gone = new Set();
  const anew = new Map();
  for (const row of rows) {
    if (row.said.type !== CORRECTION) continue;
    const target = row.said.target_number;
    if (row.said.goods) {
      anew.set(target, row);
      gone.delete(target);
    } else gone.add(target);
  }
  return { gone, anew };
}
