// What corrections on a tape made of its lines: taken back, said anew, or said with whom they were; the latest counts.

const CORRECTION = "entry-corrected.v2";

// Of rows { number, said }: those taken back, the corrections that say another's goods anew, and those that say its party.
export function corrected(rows) {
  const gone = new Set();
  const anew = new Map();
  const parties = new Map();
  for (const row of rows) {
    if (row.said.type !== CORRECTION) continue;
    const target = row.said.target_number;
    if (row.said.counterparty) parties.set(target, row);
    else if (row.said.goods) {
      anew.set(target, row);
      gone.delete(target);
    } else gone.add(target);
  }
  return { gone, anew, parties };
}
