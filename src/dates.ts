// Times and days for people, in the time zone of the process. JSON has ISO 8601 in UTC.

/** In milliseconds. */
export const DAY = 24 * 60 * 60 * 1000

const two = (value: number): string => String(value).padStart(2, '0')

/** As in 2026-11-30. */
export const day = (date: Date): string =>
  `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`

/** As in 2026-11-30 18:05:00 UTC+01:00: the zone is there for readers elsewhere. */
export const clock = (date: Date): string =>
  `${day(date)} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')} ${zone(date)}`

function zone(date: Date): string {
  const east = -date.getTimezoneOffset()
  if (east === 0) return 'UTC'
  const minutes = Math.abs(east)
  return `UTC${east < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}
