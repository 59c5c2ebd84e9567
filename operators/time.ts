/**
 * Event time: minutes since 1970-01-01T00:00 on the wall clock of the record; no time zone
 * anywhere.
 */

export const HOUR_MINUTES = 60;
export const DAY_MINUTES = 1440;
export const WEEK_MINUTES = 10_080;

const DAYS_OF_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

const isLeap = (year: number) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

const leapDaysBefore = (year: number) =>
  Math.floor((year - 1) / 4) - Math.floor((year - 1) / 100) + Math.floor((year - 1) / 400);

const LEAP_DAYS_BEFORE_1970 = leapDaysBefore(1970);

/** @returns days since 1970-01-01 in the Gregorian calendar; -1 when there is no such day. */
export function daysSince1970(year: number, month: number, day: number): number {
  const leapDay = month === 2 && day === 29 && isLeap(year);
  if (!(day >= 1 && (day <= (DAYS_OF_MONTH[month - 1] as number) || leapDay))) return -1;
  const yearStart = 365 * (year - 1970) + leapDaysBefore(year) - LEAP_DAYS_BEFORE_1970;
  const leapShift = month > 2 && isLeap(year) ? 1 : 0;
  return yearStart + (DAYS_BEFORE_MONTH[month - 1] as number) + leapShift + day - 1;
}

const ZERO = 48;
const COLON = 58;

/** @returns minute of the day for `HH:MM`, 00:00 to 23:59; -1 for anything else. */
export function minuteOfDay(text: string): number {
  if (text.length !== 5 || text.charCodeAt(2) !== COLON) return -1;
  const hour = twoDigits(text, 0);
  const minute = twoDigits(text, 3);
  return hour >= 0 && hour < 24 && minute >= 0 && minute < 60 ? hour * 60 + minute : -1;
}

function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - ZERO;
  const ones = text.charCodeAt(at + 1) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}

/** @returns 0 for a Monday. 1970-01-01 was a Thursday. */
export function dayOfWeek(days: number): number {
  return (days + 3) % 7;
}

/** @returns e.g. `2018-01-03T19:40`: ISO 8601 without a zone, since the records have none. */
export function isoMinute(minute: number): string {
  return new Date(minute * 60_000).toISOString().slice(0, 16);
}
