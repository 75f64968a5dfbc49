// A tape's lines as they stand: taken back, said anew, or said with whom they were; the latest correction counts.

const CORRECTION = "entry-corrected.v2";

// Returns the reports from a number on, { number, was, said, isGone, receipt }: `was` as it was reported, `said` as
// corrections have it now, and a receipt once all of that is confirmed.
export async function entriesFrom(tape, first) {
  const rows = await tape.store.all("reports", IDBKeyRange.lowerBound(first));
  const entries = rows.map(({ number, report, receipt }) => {
    const was = JSON.parse(new TextDecoder().decode(report));
    return { number, was, said: { ...was }, isGone: false, receipts: [receipt] };
  });
  const known = new Map(entries.map((entry) => [entry.number, entry]));
  for (const { was, receipts } of entries) {
    const target = was.type === CORRECTION && known.get(was.target_number);
    if (!target) continue;
    target.receipts.push(...receipts);
    if (was.counterparty) target.said.counterparty = was.counterparty;
    else if (was.goods) Object.assign(target, { isGone: false, said: { ...target.said, goods: was.goods, quantity: was.quantity } });
    else target.isGone = true;
  }
  return entries.map(({ receipts, ...entry }) => ({ ...entry, receipt: receipts.every(Boolean) ? receipts.at(-1) : undefined }));
}
