//! Dates: the five shapes the gateway writes, and the one shape this library hands out.

use time::{Date, Month, OffsetDateTime, Time};

/// Reads `createdAt` into ISO 8601 without a zone (the gateway states none). `None` when it is no
/// date, or one that no calendar has.
///
/// Documented: `dd-mm-yyyy HH:MM:SS`. Observed: `yyyy-mm-dd HH:MM:SS`, the same with `T`, with `T`
/// and a final `Z`, and `dd/mm/yyyy HH:MM:SS`.
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
    Some(write(date, time_of_day(clock)?))
}

/// A date that a calendar has. Year 0 is none: programs that read our dates have no such year.
fn calendar_date(year: &str, month: u8, day: &str) -> Option<Date> {
    let year = number(year).filter(|&year| year > 0)?;
    let month = Month::try_from(month).ok()?;
    Date::from_calendar_date(i32::from(year), month, number(day)? as u8).ok()
}

/// `17:32:46`.
fn time_of_day(clock: &str) -> Option<Time> {
    let [_, _, b':', _, _, b':', _, _] = clock.as_bytes() else {
        return None;
    };
    let part = |at: usize| number(clock.get(at..at + 2)?).map(|part| part as u8);
    Time::from_hms(part(0)?, part(3)?, part(6)?).ok()
}

/// A moment as HTTP writes it, `Wed, 21 Oct 2026 07:28:00 GMT`, in seconds since 1970.
pub(crate) fn from_http(text: &str) -> Option<i64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let (_, moment) = text.split_once(", ")?;
    let mut words = moment.split(' ');
    let mut next = || words.next().filter(|word| word.is_ascii());
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

/// A moment in seconds since 1970, written with its zone: `2023-11-14T22:13:20Z`.
pub(crate) fn from_unix(seconds: i64) -> Option<String> {
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    Some(write(moment.date(), moment.time()) + "Z")
}

fn write(date: Date, time: Time) -> String {
    let mut text = String::with_capacity("2021-02-06T17:32:46Z".len());
    let year = date.year().unsigned_abs();
    let two = |text: &mut String, before: &str, value: u32| {
        text.push_str(before);
        text.extend([value / 10, value % 10].map(|digit| char::from(b'0' + digit as u8)));
    };
    two(&mut text, "", year / 100);
    two(&mut text, "", year % 100);
    two(&mut text, "-", u8::from(date.month()).into());
    two(&mut text, "-", date.day().into());
    two(&mut text, "T", time.hour().into());
    two(&mut text, ":", time.minute().into());
    two(&mut text, ":", time.second().into());
    text
}

/// Two or four digits, and digits only: `parse` would take a sign.
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
    fn the_five_shapes_are_one_moment() {
        for shape in [
            "06-02-2021 17:32:46",
            "2021-02-06 17:32:46",
            "2021-02-06T17:32:46",
            "2021-02-06T17:32:46Z",
            "06/02/2021 17:32:46",
        ] {
            assert_eq!(
                read(shape).as_deref(),
                Some("2021-02-06T17:32:46"),
                "{shape}"
            );
        }
    }

    #[test]
    fn a_date_of_http_is_a_moment() {
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
    }

    #[test]
    fn what_no_calendar_has_is_no_date() {
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
