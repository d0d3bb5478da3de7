// What a campaign has done, in words that the runner adds up (test/runner/campaigns.ts).

/** @param unit in the plural: `kills`, `cases` */
export function done(count: number, unit: string): void {
  console.log(`# done: ${count} ${unit}`)
}
