//! Times as the gateway spells them.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use crate::quirks::CreatedAtStyle;

/// The gateway's clock shows Kinshasa's time, one hour ahead of UTC all year.
const KINSHASA: Duration = Duration::from_secs(3600);

/// `createdAt` in the given spelling.
pub(crate) fn created_at(at: SystemTime, style: CreatedAtStyle) -> String {
    let utc = OffsetDateTime::from(at).to_offset(UtcOffset::UTC);
    let local = utc + KINSHASA;
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

/// The hour and minute and second, for the dashboard.
pub(crate) fn time_of_day(at: SystemTime) -> String {
    created_at(at, CreatedAtStyle::YearFirst)
        .split_once(' ')
        .map_or_else(String::new, |(_, time)| time.to_owned())
}

/// Year and month, for the expiry of a card.
pub(crate) fn month_of(at: SystemTime) -> (i32, u8) {
    let date = OffsetDateTime::from(at);
    (date.year(), date.month().into())
}

/// Serializes a time as milliseconds since 1970.
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
    fn the_shapes_that_were_met() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_612_629_166);
        let spelled = |style| created_at(at, style);
        assert_eq!(spelled(CreatedAtStyle::DayFirst), "06-02-2021 17:32:46");
        assert_eq!(spelled(CreatedAtStyle::YearFirst), "2021-02-06 17:32:46");
        assert_eq!(spelled(CreatedAtStyle::Iso), "2021-02-06T17:32:46");
        assert_eq!(spelled(CreatedAtStyle::IsoUtc), "2021-02-06T16:32:46Z");
        assert_eq!(spelled(CreatedAtStyle::Slashes), "06/02/2021 17:32:46");
        assert_eq!(time_of_day(at), "17:32:46");
    }
}
