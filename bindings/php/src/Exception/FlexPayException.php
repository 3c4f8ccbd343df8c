<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * Everything this package throws on purpose. There is a class for each result code of the library;
 * catch the one you can do something about, or this one and look at the outcome.
 *
 * `getMessage()` is for a person, in English: what went wrong and what to do next. `getCode()` is the
 * result code of flexpay.h. The token is never in either.
 */
interface FlexPayException extends \Throwable
{
    // written by make header: Outcome
    /**
     * A part of the request was sent, and no usable reply came. Do NOT repeat a payment: find out first,
     * by the callback, a check, or the merchant's console.
     */
    public const OUTCOME_UNKNOWN = 'UNKNOWN';

    /** Nothing of the request left this machine. It may be repeated. */
    public const OUTCOME_NOT_SENT = 'NOT_SENT';

    /** The gateway refused the request. Repeat it only after correcting the cause. */
    public const OUTCOME_REFUSED = 'REFUSED';
    // end of Outcome

    /**
     * The library cannot be used on this machine: nothing was sent, and nothing can be. A fault of the
     * installation, which no new try mends. Only a LibraryException has it.
     */
    public const OUTCOME_UNUSABLE = 'UNUSABLE';

    /** The name of the result code: "TIMEOUT", "NOT_FOUND". */
    public function getCodeName(): string;

    /** May the request be repeated? One of the OUTCOME_ constants. */
    public function getOutcome(): string;

    /** The HTTP status of the gateway's answer; null when there was none. */
    public function getHttpStatus(): ?int;

    /** The field or setting at fault ("amount"), where one was. */
    public function getField(): ?string;

    /** The gateway's own code, as it came. */
    public function getGatewayCode(): ?string;

    /** The gateway's own words, in French mostly. */
    public function getGatewayMessage(): ?string;

    /**
     * The order number that the reply to a failed payment request gave all the same: ask about it
     * with Client::check() before anything is repeated.
     */
    public function getOrderNumber(): ?string;
}
