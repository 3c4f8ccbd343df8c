//! This machine's clock, compared with that of the gateway.

use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::finding::Finding;
use crate::texts::{is_french, say};

const TOLERANCE_S: i64 = 120;

/// The date of a reply: `Fri, 27 Nov 2026 18:36:21 GMT`.
pub fn date(header: &str) -> Option<OffsetDateTime> {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let parsed = PrimitiveDateTime::parse(header, &format).ok()?;
    Some(parsed.assume_utc())
}

pub fn examine(gateway: Option<OffsetDateTime>) -> Finding {
    let Some(gateway) = gateway else {
        return Finding::skipped(
            "clock",
            say(
                "not examined: no service sent a date",
                "non examinée : aucun service n'a envoyé de date",
            ),
        );
    };
    let ahead_s = (OffsetDateTime::now_utc() - gateway).whole_seconds();
    let is_behind = ahead_s < 0;
    let difference_s = ahead_s.unsigned_abs();
    let difference = if is_french() {
        let direction = if is_behind { "de retard" } else { "d'avance" };
        format!("environ {difference_s} s {direction} sur celle de la passerelle")
    } else {
        let direction = if is_behind { "behind" } else { "ahead of" };
        format!("about {difference_s} s {direction} the gateway's")
    };
    if ahead_s.abs() <= TOLERANCE_S {
        return Finding::good("clock", difference);
    }
    let advice = say(
        "Set this machine's clock",
        "Réglez l'horloge de cette machine",
    );
    Finding::bad("clock", format!("{difference}. {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_a_reply_is_read() {
        let read = date("Fri, 27 Nov 2026 18:36:21 GMT").expect("a date");
        assert_eq!(read.unix_timestamp(), 1_795_804_581);
        assert_eq!(date("27 novembre"), None);
    }

    #[test]
    fn a_clock_that_is_wrong_is_bad() {
        let now = OffsetDateTime::now_utc();
        assert_eq!(examine(Some(now)).ok, Some(true));
        let fast = examine(Some(now - time::Duration::hours(1)));
        assert_eq!(fast.ok, Some(false));
        assert!(fast.detail.contains(" s ahead of "), "{}", fast.detail);
        let slow = examine(Some(now + time::Duration::days(400)));
        assert_eq!(slow.ok, Some(false));
        assert!(slow.detail.contains(" s behind "), "{}", slow.detail);
        assert_eq!(examine(None).ok, None);
    }
}
