<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The interface of all exception classes of this package. Each result code of the library has its own
 * class. Catch the class that you can handle, or this interface, and use getOutcome().
 *
 * `getMessage()` is English text for a person: what went wrong and what to do next. `getCode()` is
 * the result code of flexpay.h. Neither ever contains the token.
 */
interface FlexPayException extends \Throwable
{
    // written by make header: Outcome
    /**
     * At least one byte of the request was sent, or may have been, and no usable reply was received. Do
     * NOT repeat a payment before you know its state: verify the callback, verify the order if the error
     * has its number, or look for the reference in the merchant's console.
     */
    public const OUTCOME_UNKNOWN = 'UNKNOWN';

    /**
     * Nothing of the request left this machine. It may be repeated, but fix an invalid argument or setting
     * first.
     */
    public const OUTCOME_NOT_SENT = 'NOT_SENT';

    /** The gateway refused the request. Repeat it only after fixing the cause. */
    public const OUTCOME_REFUSED = 'REFUSED';
    // end of Outcome

    /**
     * Neither the library nor the program can be used on this machine: nothing was sent, and nothing can be sent. The
     * installation must be fixed; a retry does not help. Only LibraryException has this outcome.
     */
    public const OUTCOME_UNUSABLE = 'UNUSABLE';

    /** The name of the result code: "TIMEOUT", "NOT_FOUND". */
    public function getCodeName(): string;

    /** Whether the request may be repeated: one of the OUTCOME_ constants. */
    public function getOutcome(): string;

    /** The HTTP status of the gateway's reply; null if there was no reply. */
    public function getHttpStatus(): ?int;

    /** The field or setting that caused the error ("amount"); null if none did. */
    public function getField(): ?string;

    /** The gateway's own code, as received. */
    public function getGatewayCode(): ?string;

    /** The gateway's own message, usually in French. */
    public function getGatewayMessage(): ?string;

    /**
     * The order number in the reply to a failed payment request, if there was one: check it with
     * Client::check() before you repeat anything.
     */
    public function getOrderNumber(): ?string;

    /**
     * What the call did, step by step, as JSON text for your log. null without the client's option trace.
     * It never contains the token. (PHP's own getTrace() is the stack trace.)
     */
    public function getCallTrace(): ?string;
}
