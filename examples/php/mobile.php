<?php

/**
 * Lets a customer pay an order by mobile money: mobile.php?order=INVOICE-0017.
 *
 * The page asks for the phone number and sends the request. The customer then confirms on the phone. Until
 * the state is final, the page reloads every few seconds, and each time it settles the open attempt.
 * After a failed payment, the customer submits the form again: that is a new attempt, with its own
 * reference. If it is not known whether the request arrived, the page says so, and offers no form.
 *
 * Settings, database and callbacks are those of pay.php; FLEXPAY_API is not used. To try it, start the
 * server of pay.php with the sandbox's settings, and open
 *
 *     http://127.0.0.1:8080/mobile.php?order=INVOICE-0017
 *
 * The sandbox's phone 081 234 56 78 is http://127.0.0.1:8400/phone/243812345678: confirm there.
 *
 * A real shop also checks here that this customer may pay this order, and limits how often: each
 * request makes somebody's phone ring.
 */

declare(strict_types=1);

require __DIR__ . '/shop.php';

use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InProgressException;
use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Expected;
use FlexPay\Journal\Journal;
use FlexPay\MobileRequest;
use FlexPay\Phone;
use FlexPay\Settlement;

ini_set('display_errors', '0');

/** The seconds until a waiting page loads again, and one that only a callback can change. */
const RELOAD_SECONDS = 5;
const SLOW_RELOAD_SECONDS = 30;

/** Escapes text for HTML. */
function html(?string $text): string
{
    return htmlspecialchars((string) $text, ENT_QUOTES, 'UTF-8');
}

/**
 * Sends a page and exits.
 *
 * @param string $content HTML
 * @param int    $reload  the seconds until the browser loads the page again; 0: never
 *
 * @return never
 */
function page(int $status, string $title, string $content, int $reload = 0): void
{
    http_response_code($status);
    header('Content-Type: text/html; charset=utf-8');
    header('Cache-Control: no-store');
    header("Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; form-action 'self'");
    $refresh = $reload === 0 ? '' : "\n<meta http-equiv=\"refresh\" content=\"$reload\">";
    $title = html($title);
    exit(<<<HTML
        <!doctype html>
        <html lang="fr">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">$refresh
        <title>$title</title>
        <style>
        body { max-width: 28rem; margin: 3rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; color: #222; }
        h1 { font-size: 1.4rem; }
        label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit; }
        input, button { margin: .4rem 0 1rem; padding: .7rem; border: 1px solid #777; border-radius: .3rem; }
        button { border: 0; background: #064; color: #fff; }
        </style>
        </head>
        <body>
        <h1>$title</h1>
        $content
        </body>
        </html>

        HTML);
}

/**
 * Sends the form and exits.
 *
 * @param array<string, string|null> $order
 * @param string                     $message what happened before; empty if nothing did
 * @param string                     $phone   what the customer typed before
 *
 * @return never
 */
function form(int $status, array $order, string $message = '', string $phone = ''): void
{
    $amount = html($order['amount'] . ' ' . $order['currency']);
    $message = $message === '' ? '' : '<p role="alert"><strong>' . html($message) . '</strong></p>';
    $phone = html($phone);
    page($status, 'Payer par mobile money', <<<HTML
        $message
        <p>Montant : <strong>$amount</strong></p>
        <form method="post">
        <label for="phone">Votre numéro M-Pesa, Orange Money, Airtel Money ou Afrimoney</label>
        <input id="phone" name="phone" type="tel" autocomplete="tel" required placeholder="081 234 56 78" value="$phone">
        <button>Payer $amount</button>
        </form>
        HTML);
}

/**
 * Shows an attempt that has been sent, and exits.
 *
 * @return never
 */
function show(Settlement $attempt): void
{
    if ($attempt->getKind() !== Expected::KIND_MOBILE) {
        $link = html($attempt->getRedirectUrl());
        page(200, 'Un paiement par carte est ouvert', $attempt->getRedirectUrl() === null
            ? '<p>Il est en cours de confirmation. Ne payez pas une deuxième fois : nous vous tiendrons informé.</p>'
            : "<p>Terminez-le ou annulez-le sur <a href=\"$link\">la page de paiement par carte</a>.</p>");
    }
    if (in_array($attempt->getState(), [Settlement::STATE_SENDING, Settlement::STATE_IN_DOUBT], true)) {
        // It is not known whether the phone rang. Only the callback or a person can tell.
        page(200, 'Paiement en cours de confirmation', <<<'HTML'
            <p>Nous ne savons pas encore si votre paiement a abouti. <strong>Ne payez pas une deuxième fois</strong>,
            même si vous avez confirmé sur votre téléphone : cette page se met à jour, et nous vous tiendrons informé.</p>
            HTML, SLOW_RELOAD_SECONDS);
    }
    if ($attempt->getState() !== Settlement::STATE_ACCEPTED) {
        // The gateway has been seen to say "failed" while the customer was still typing.
        page(200, 'Paiement en cours de vérification', <<<'HTML'
            <p>L'opérateur dit que votre paiement n'a pas abouti. Nous le vérifions encore quelques minutes.
            Ne payez pas une deuxième fois : cette page se met à jour d'elle-même.</p>
            HTML, RELOAD_SECONDS);
    }
    page(200, 'Confirmez sur votre téléphone', <<<'HTML'
        <p>Vous avez reçu une demande de paiement sur votre téléphone. Confirmez-la avec votre code PIN.</p>
        <p>Cette page se met à jour d'elle-même. Ne payez pas une deuxième fois.</p>
        HTML, RELOAD_SECONDS);
}

/** @return never */
function showUnavailable(): void
{
    page(503, 'Paiement indisponible', <<<'HTML'
        <p>Le paiement par mobile money est indisponible. Rien n'a été débité. Choisissez un autre moyen de paiement.</p>
        HTML);
}

/**
 * Sends the request of an attempt. Returns only if it was accepted, or may have been.
 *
 * @param array<string, string|null> $order
 */
function pay(Journal $journal, string $reference, array $order, string $phone): void
{
    try {
        $journal->payMobile(new MobileRequest(
            $reference,
            (string) $order['amount'],
            (string) $order['currency'],
            $phone,
            (string) getenv('SHOP_URL') . '/callback.php'
        ));
    } catch (InProgressException $e) {
        return; // of two clicks, the other one
    } catch (FlexPayException $e) {
        $outcome = $e->getOutcome();
        error_log("flexpay: $reference: $outcome: " . $e->getMessage());
        if ($outcome === FlexPayException::OUTCOME_UNKNOWN) {
            return;
        }
        if ($outcome === FlexPayException::OUTCOME_REFUSED) {
            form(502, $order, "Le paiement a été refusé. Rien n'a été débité.", $phone);
        }
        // Of two requests at the same time, the other one came first, by card or from another phone.
        if ($e instanceof InvalidArgumentException && isOpen($journal, $reference)) {
            return;
        }
        // A retry does not fix the settings.
        if ($e instanceof InvalidArgumentException) {
            showUnavailable();
        }
        form(503, $order, "Le service de paiement est injoignable. Rien n'a été débité. Réessayez.", $phone);
    }
}

$id = is_string($_GET['order'] ?? null) ? $_GET['order'] : '';
$database = database();
$order = order($database, $id);
if ($order === null) {
    page(404, 'Commande inconnue', "<p>Cette commande n'existe pas.</p>");
}
try {
    $journal = journal($database);
    settleAttempt($database, $journal, $id);
    [$reference, $attempt] = attempt($journal, $id);
    $isPaid = $attempt !== null && $attempt->isPaid(); // or by an attempt before
    if ($isPaid || (order($database, $id)['paid_by'] ?? null) !== null) {
        page(200, 'Merci !', '<p>Votre paiement est confirmé.</p>');
    }
    if ($attempt !== null && mayHaveArrived($attempt)) {
        show($attempt);
    }
    if (($_SERVER['REQUEST_METHOD'] ?? '') !== 'POST') {
        $isFirst = $reference === "$id-1" && $attempt === null;
        form(200, $order, $isFirst ? '' : "Le paiement précédent n'a pas abouti : il a été refusé, ou il a expiré.");
    }
    $typed = is_string($_POST['phone'] ?? null) ? $_POST['phone'] : '';
    try {
        $phone = Phone::normalize($typed);
    } catch (InvalidArgumentException $e) {
        form(422, $order, "Ce numéro n'est pas valable. Écrivez-le ainsi : 081 234 56 78.", $typed);
    }
    pay($journal, $reference, $order, $phone);
} catch (FlexPayException $e) {
    error_log('flexpay: ' . $e->getOutcome() . ': ' . $e->getMessage());
    showUnavailable();
}
header('Location: mobile.php?order=' . rawurlencode($id), true, 303); // a reload must not send the form again
