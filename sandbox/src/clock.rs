//! Times in the gateway's formats.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use crate::quirks::CreatedAtStyle;

/// The gateway uses the time of Kinshasa: UTC+1 all year.
const KINSHASA_OFFSET: Duration = Duration::from_secs(3600);

/// `createdAt` in the given style.
pub(crate) fn created_at(at: SystemTime, style: CreatedAtStyle) -> String {
    let utc = OffsetDateTime::from(at).to_offset(UtcOffset::UTC);
    let local = utc + KINSHASA_OFFSET;
    let text = match style {
        CreatedAtStyle::DayFirst => local.format(format_description!(
            "[day]-[month]-[year] [hour]:[minute]:[second]"
        )),
        CreatedAtStyle::YearFirst => local.format(format_description!(
            "[year]-[month]-[day] [hour]:[minute]:[second]"
        )),
        CreatedAtStyle::Iso => local.format(format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second]"
        )),
        CreatedAtStyle::IsoUtc => utc.format(format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second]Z"
        )),
        CreatedAtStyle::Slashes => local.format(format_description!(
            "[day]/[month]/[year] [hour]:[minute]:[second]"
        )),
    };
    text.unwrap_or_default()
}

/// `HH:MM:SS`, for the dashboard.
pub(crate) fn time_of_day(at: SystemTime) -> String {
    created_at(at, CreatedAtStyle::YearFirst)
        .split_once(' ')
        .map_or_else(String::new, |(_, time)| time.to_owned())
}

/// The year and month, to compare with the expiry of a card.
pub(crate) fn month_of(at: SystemTime) -> (i32, u8) {
    let date = OffsetDateTime::from(at);
    (date.year(), date.month().into())
}

/// Serializes a time as milliseconds since the Unix epoch.
pub(crate) fn as_ms<S: Serializer>(at: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis()
        .serialize(to)
}

#[cfg(test)]
mod tests {
    use super::{created_at, time_of_day};
    use crate::quirks::CreatedAtStyle;
    use std::time::{Duration, SystemTime};

    #[test]
    fn every_created_at_style() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_612_629_166);
        let formatted = |style| created_at(at, style);
        assert_eq!(formatted(CreatedAtStyle::DayFirst), "06-02-2021 17:32:46");
        assert_eq!(formatted(CreatedAtStyle::YearFirst), "2021-02-06 17:32:46");
        assert_eq!(formatted(CreatedAtStyle::Iso), "2021-02-06T17:32:46");
        assert_eq!(formatted(CreatedAtStyle::IsoUtc), "2021-02-06T16:32:46Z");
        assert_eq!(formatted(CreatedAtStyle::Slashes), "06/02/2021 17:32:46");
        assert_eq!(time_of_day(at), "17:32:46");
    }
}
