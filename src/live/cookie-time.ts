/** Points in time as the nginx dialect writes them into cookies: `Thu, 18-Nov-10 11:27:35 GMT`. */

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** From here on the year has four digits: readers of two-digit years disagree about the century (RFC 6265 §5.1.1). */
const FIRST_LONG_YEAR = 2038;
/** The last moment of a year with four digits; nothing later can be written. */
const LATEST_AT = 253_402_300_799_000;

/** @param at milliseconds since 1970; what lies outside of 1970 to 9999 is brought to the nearer end */
export function toCookieTime(at: number): string {
  const time = new Date(Math.min(Math.max(at, 0), LATEST_AT));
  const year = time.getUTCFullYear();
  const date = `${two(time.getUTCDate())}-${MONTHS[time.getUTCMonth()]}-${year < FIRST_LONG_YEAR ? two(year % 100) : year}`;
  const clock = `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`;
  return `${WEEKDAYS[time.getUTCDay()]}, ${date} ${clock} GMT`;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
