//! What people read about the payments of the journal, in English and French.

use anstyle::Style;
use flexpay::Kind;
use flexpay::journal::{Entry, EntryState, Reconciliation, Settlement};

use crate::output::{BAD, GOOD, LABEL, OPEN, printable, with_fields};
use crate::texts::{is_french, say, texts};

/// A payment, and what to do about it.
pub fn settlement(settlement: &Settlement) -> String {
    let state = settlement.stored.entry.state;
    let style = style(state);
    let mut text = described(settlement, format!("{style}{}{style:#}", word(state)));
    if let Some(warning) = nothing_to_deliver(&settlement.stored.entry) {
        text += &format!("  {BAD}{warning}{BAD:#}\n");
    }
    text
}

/// Why what is paid is not delivered now.
fn nothing_to_deliver(entry: &Entry) -> Option<&'static str> {
    match (entry.state, entry.kind) {
        (EntryState::Paid, Kind::Payout) => Some(say(
            "It is a payout: there is nothing to deliver",
            "C'est un transfert : il n'y a rien à livrer",
        )),
        (EntryState::Paid, _) if entry.is_delivered => Some(acknowledged_before()),
        _ => None,
    }
}

fn acknowledged_before() -> &'static str {
    say(
        "It was acknowledged before: do NOT deliver it again",
        "La livraison était déjà enregistrée : ne livrez PAS une seconde fois",
    )
}

pub fn acknowledged(settlement: &Settlement) -> String {
    let (style, headline) = match settlement.changed {
        true => (
            GOOD,
            say("Recorded: deliver it now", "Enregistré : livrez maintenant"),
        ),
        false => (BAD, acknowledged_before()),
    };
    described(settlement, format!("{style}{headline}{style:#}"))
}

pub fn resolved(settlement: &Settlement) -> String {
    let state = word(settlement.stored.entry.state);
    let recorded = say("Recorded:", "Enregistré :");
    described(settlement, format!("{OPEN}{recorded} {state}{OPEN:#}"))
}

fn described(settlement: &Settlement, headline: String) -> String {
    let texts = texts();
    let stored = &settlement.stored;
    let entry = &stored.entry;
    let page = entry.page.as_ref().map(|_| {
        say(
            "recorded; --field page prints it",
            "enregistrée ; --field page l'affiche",
        )
    });
    let mut text = with_fields(
        headline,
        &[
            (texts.reference, Some(&entry.reference)),
            (texts.amount, Some(&amount(entry))),
            (say("Kind", "Type"), Some(kind(entry.kind))),
            (texts.phone, entry.phone.as_deref()),
            (texts.order_number, entry.order_number.as_deref()),
            (
                say("Another order", "Autre commande"),
                entry.other_order_number.as_deref(),
            ),
            (texts.address, entry.redirect_url.as_deref()),
            ("Page", page),
            (
                say("Last answer", "Dernière réponse"),
                entry.last_answer.as_deref(),
            ),
            (
                say("Resolved by", "Résolu par"),
                entry.resolved_by.as_deref(),
            ),
            (say("Why", "Pourquoi"), entry.resolved_why.as_deref()),
            (say("Begun", "Début"), Some(&stored.created_at)),
            (say("Changed", "Modifié"), Some(&stored.changed_at)),
            (say("Problem", "Problème"), settlement.problem.as_deref()),
        ],
    );
    for advice in advice(entry) {
        text += &format!("  {advice}\n");
    }
    text
}

/// What to do now.
fn advice(entry: &Entry) -> Vec<String> {
    let reference = quoted(&entry.reference);
    let mut lines = Vec::new();
    if entry.other_order_number.is_some() {
        lines.push(
            say(
                "The gateway has two orders under this reference. If both were paid, return one.",
                "La passerelle a deux commandes sous cette référence. Si les deux sont payées, remboursez-en une.",
            )
            .to_owned(),
        );
    }
    let known = entry.order_number.is_some();
    if entry.is_to_deliver() {
        lines.push(format!(
            "{} flexpay journal acknowledge {reference}",
            say("To deliver:", "À livrer :")
        ));
    } else if entry.state == EntryState::InDoubt && !known {
        let (first, second) = if is_french() {
            (
                "Ne recommencez pas le paiement. Attendez la notification, ou cherchez la référence dans la \
                 console FlexPay, puis :",
                "ou, si la console n'a pas ce paiement :",
            )
        } else {
            (
                "Do not pay again. Wait for the callback, or look for the reference in FlexPay's merchant \
                 console, and then:",
                "or, if the console has no such payment:",
            )
        };
        let command = format!("flexpay journal resolve {reference}");
        lines.extend([
            first.to_owned(),
            format!("  {command} --order-number … --by … --why …"),
            second.to_owned(),
            format!("  {command} --state not-sent --by … --why …"),
        ]);
    } else if known && entry.is_open() {
        lines.push(format!(
            "{} flexpay settle {reference}",
            say("To ask the gateway:", "Pour interroger la passerelle :")
        ));
    }
    lines
}

/// Can be copied into a shell.
fn quoted(reference: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    match reference.chars().all(is_plain) {
        true => reference.to_owned(),
        false => format!("'{}'", printable(reference).replace('\'', r"'\''")),
    }
}

/// A table, and how many there are.
pub fn settlements(found: &Reconciliation) -> String {
    let list = &found.settlements;
    let mut text = String::new();
    if !list.is_empty() {
        text += &table(list);
    }
    let count = |is_counted: fn(&Entry) -> bool| {
        let entries = list.iter().map(|one| &one.stored.entry);
        entries.filter(|entry| is_counted(entry)).count()
    };
    let in_doubt = count(|entry| entry.state == EntryState::InDoubt);
    let to_deliver = count(Entry::is_to_deliver);
    let all = list.len();
    text += &if is_french() {
        format!("Paiements : {all}, incertains : {in_doubt}, à livrer : {to_deliver}\n")
    } else {
        format!("Payments: {all}, in doubt: {in_doubt}, to deliver: {to_deliver}\n")
    };
    if let Some(error) = &found.stopped {
        let (code, message) = (error.code().name(), printable(error.message()));
        let headline = say(
            "Not all payments were asked about",
            "Tous les paiements n'ont pas été interrogés",
        );
        text += &format!("{OPEN}{headline}{OPEN:#} ({code}): {message}\n");
    }
    text
}

const COLUMNS: usize = 7;

fn table(list: &[Settlement]) -> String {
    let texts = texts();
    let titles = [
        texts.reference,
        say("State", "État"),
        texts.amount,
        say("Kind", "Type"),
        texts.order_number,
        say("Changed", "Modifié"),
        "",
    ]
    .map(str::to_owned);
    let rows: Vec<_> = list.iter().map(row).collect();
    let mut widths = [0; COLUMNS];
    for cells in std::iter::once(&titles).chain(&rows) {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = line(&titles, widths, [LABEL; COLUMNS]);
    for (cells, settlement) in rows.iter().zip(list) {
        let mut styles = [Style::new(); COLUMNS];
        styles[1] = style(settlement.stored.entry.state);
        styles[COLUMNS - 1] = OPEN;
        text += &line(cells, widths, styles);
    }
    text
}

fn row(settlement: &Settlement) -> [String; COLUMNS] {
    let stored = &settlement.stored;
    let entry = &stored.entry;
    let mut notes = Vec::new();
    if entry.is_to_deliver() {
        notes.push(say("to deliver", "à livrer").to_owned());
    }
    if let Some(other) = &entry.other_order_number {
        let label = say("also order", "aussi la commande");
        notes.push(format!("{label} {}", printable(other)));
    }
    notes.extend(settlement.problem.as_deref().map(printable));
    let order_number = entry.order_number.as_deref().unwrap_or_default();
    [
        printable(&entry.reference),
        word(entry.state).to_owned(),
        printable(&amount(entry)),
        kind(entry.kind).to_owned(),
        printable(order_number),
        stored.changed_at.clone(),
        notes.join(", "),
    ]
}

/// The amount is aligned to the right, and nothing follows the last cell that has a text.
fn line(cells: &[String; COLUMNS], widths: [usize; COLUMNS], styles: [Style; COLUMNS]) -> String {
    const AMOUNT: usize = 2;
    let last = cells.iter().rposition(|cell| !cell.is_empty());
    let mut text = String::new();
    for (column, cell) in cells
        .iter()
        .enumerate()
        .take(last.map_or(0, |last| last + 1))
    {
        let (width, style) = (widths[column], styles[column]);
        text += &match column {
            AMOUNT => format!("{style}{cell:>width$}{style:#}  "),
            _ if Some(column) == last => format!("{style}{cell}{style:#}"),
            _ => format!("{style}{cell:<width$}{style:#}  "),
        };
    }
    text + "\n"
}

pub fn removed(count: u64) -> String {
    if is_french() {
        format!("Paiements retirés : {count}. Leurs références restent utilisées\n")
    } else {
        format!("Payments removed: {count}. Their references stay used\n")
    }
}

pub fn verified(entries: Option<u64>, problems: &[String]) -> String {
    if let (Some(entries), []) = (entries, problems) {
        let sound = say("The journal is sound", "Le journal est en bon état");
        let payments = say("payments:", "paiements :");
        return format!("{GOOD}{sound}{GOOD:#}, {payments} {entries}\n");
    }
    let headline = say("The journal is damaged", "Le journal est endommagé");
    let mut text = format!("{BAD}{headline}{BAD:#}\n");
    for problem in problems {
        text += &format!("  {}\n", printable(problem));
    }
    let advice = say(
        "Keep the file, and restore a backup. Look for the payments named above in FlexPay's merchant console",
        "Gardez le fichier, et restaurez une sauvegarde. Cherchez les paiements ci-dessus dans la console FlexPay",
    );
    text + &format!("  {advice}\n")
}

fn amount(entry: &Entry) -> String {
    format!("{} {}", entry.amount, entry.currency)
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Card => say("card", "carte"),
        Kind::Payout => say("payout", "transfert"),
        _ => "mobile",
    }
}

fn word(state: EntryState) -> &'static str {
    match state {
        EntryState::Sending => say("BEING SENT", "ENVOI EN COURS"),
        EntryState::NotSent => say("NOT SENT", "NON ENVOYÉ"),
        EntryState::Refused => say("REFUSED", "REFUSÉ"),
        EntryState::InDoubt => say("IN DOUBT", "INCERTAIN"),
        EntryState::Accepted => say("ACCEPTED, NOT YET PAID", "ACCEPTÉ, PAS ENCORE PAYÉ"),
        EntryState::Paid => say("PAID", "PAYÉ"),
        EntryState::Failed => say("FAILED", "ÉCHOUÉ"),
        EntryState::Cancelled => say("CANCELLED", "ANNULÉ"),
        EntryState::Refunding => say("REFUND BEGUN", "REMBOURSEMENT EN COURS"),
        EntryState::Refunded => say("REFUNDED", "REMBOURSÉ"),
        other => other.name(),
    }
}

fn style(state: EntryState) -> Style {
    match state {
        EntryState::Paid => GOOD,
        EntryState::NotSent | EntryState::Refused | EntryState::Failed | EntryState::Cancelled => {
            BAD
        }
        _ => OPEN,
    }
}
