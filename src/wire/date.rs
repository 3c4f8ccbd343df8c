//! Dates: the five formats the gateway writes, and the one format this library returns.

use time::{Date, Month, OffsetDateTime, Time};

/// Converts `createdAt` to ISO 8601 without a time zone (the gateway gives none). `None` if it is
/// not a date, or does not exist in the calendar.
///
/// Documented format: `dd-mm-yyyy HH:MM:SS`. Observed: `yyyy-mm-dd HH:MM:SS`, the same with `T`, with
/// `T` and a final `Z`, and `dd/mm/yyyy HH:MM:SS`.
pub(crate) fn read(text: &str) -> Option<String> {
    if !text.is_ascii() {
        return None;
    }
    let (day_part, separator, clock) = (text.get(..10)?, text.get(10..11)?, text.get(11..)?);
    let (year, month, day, year_first) = match day_part.as_bytes() {
        [_, _, _, _, b'-', _, _, b'-', _, _] => {
            (&day_part[..4], &day_part[5..7], &day_part[8..], true)
        }
        [_, _, a @ (b'-' | b'/'), _, _, b, _, _, _, _] if a == b => {
            (&day_part[6..], &day_part[3..5], &day_part[..2], false)
        }
        _ => return None,
    };
    let clock = match separator {
        " " => clock,
        "T" if year_first => clock.strip_suffix('Z').unwrap_or(clock),
        _ => return None,
    };
    let date = calendar_date(year, number(month)? as u8, day)?;
    Some(to_iso_8601(date, time_of_day(clock)?))
}

/// A date of the calendar. Year 0 is refused: programs that read our dates may not support it.
fn calendar_date(year: &str, month: u8, day: &str) -> Option<Date> {
    let year = number(year).filter(|&year| year > 0)?;
    let month = Month::try_from(month).ok()?;
    Date::from_calendar_date(i32::from(year), month, number(day)? as u8).ok()
}

/// Parses `17:32:46`.
fn time_of_day(clock: &str) -> Option<Time> {
    let [_, _, b':', _, _, b':', _, _] = clock.as_bytes() else {
        return None;
    };
    let part = |at: usize| number(clock.get(at..at + 2)?).map(|part| part as u8);
    Time::from_hms(part(0)?, part(3)?, part(6)?).ok()
}

/// Whether a text is an HTTP date and nothing more.
pub(crate) fn is_http(text: &str) -> bool {
    const LENGTH: usize = "Wed, 21 Oct 2026 07:28:00 GMT".len();
    text.len() == LENGTH && from_http(text).is_some()
}

/// Parses an HTTP date, `Wed, 21 Oct 2026 07:28:00 GMT`, into seconds since 1970.
pub(crate) fn from_http(text: &str) -> Option<i64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let (_, moment) = text.split_once(", ")?;
    let mut parts = moment.split(' ');
    let mut next = || parts.next().filter(|part| part.is_ascii());
    let (day, month, year, clock, zone) = (next()?, next()?, next()?, next()?, next()?);
    let month = MONTHS
        .find(month)
        .filter(|at| month.len() == 3 && at % 3 == 0)?
        / 3
        + 1;
    let date = calendar_date(year, month as u8, day).filter(|_| zone == "GMT")?;
    let moment = date.with_time(time_of_day(clock)?);
    Some(moment.assume_utc().unix_timestamp())
}

/// Formats seconds since 1970, in UTC: `2023-11-14T22:13:20Z`.
pub(crate) fn from_unix(seconds: i64) -> Option<String> {
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    Some(to_iso_8601(moment.date(), moment.time()) + "Z")
}

fn to_iso_8601(date: Date, time: Time) -> String {
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// Parses digits only: `parse` alone would accept a sign.
fn number(digits: &str) -> Option<u16> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_five_formats_give_the_same_date() {
        for text in [
            "06-02-2021 17:32:46",
            "2021-02-06 17:32:46",
            "2021-02-06T17:32:46",
            "2021-02-06T17:32:46Z",
            "06/02/2021 17:32:46",
        ] {
            assert_eq!(read(text).as_deref(), Some("2021-02-06T17:32:46"), "{text}");
        }
    }

    #[test]
    fn an_http_date_is_read() {
        assert_eq!(
            from_http("Tue, 14 Nov 2023 22:13:20 GMT"),
            Some(1_700_000_000)
        );
        for text in [
            "",
            "120",
            "Tue, 14 Nov 2023 22:13:20",
            "Tue, 14 ovD 2023 22:13:20 GMT",
            "Tue, 31 Feb 2023 22:13:20 GMT",
        ] {
            assert_eq!(from_http(text), None, "{text}");
        }
        assert!(is_http("Tue, 14 Nov 2023 22:13:20 GMT"));
        assert!(!is_http("243812345678, 14 Nov 2023 22:13:20 GMT"));
        assert!(!is_http("Tue, 14 Nov 2023 22:13:20 GMT 243812345678"));
    }

    #[test]
    fn an_impossible_or_malformed_date_is_refused() {
        for text in [
            "",
            "30-02-2021 10:00:00",
            "29-02-2023 10:00:00",
            "31-04-2021 10:00:00",
            "00-01-2021 10:00:00",
            "01-01-0000 10:00:00",
            "01-13-2021 10:00:00",
            "01-01-2021 24:00:00",
            "01-01-2021 10:60:00",
            "01-01-2021 10:00:60",
            "01-01-2021",
            "01-01-2021 10:00",
            "01-01-2021T10:00:00",
            "01-01/2021 10:00:00",
            "2021-02-06 17:32:46Z",
            "2021-02-06T17:32:46+01:00",
            "+1-01-2021 10:00:00",
            "é1-01-2021 10:00:00",
            "1612632766",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert!(read("29-02-2024 10:00:00").is_some());
    }
}
