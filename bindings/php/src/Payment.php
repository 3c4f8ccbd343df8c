<?php

declare(strict_types=1);

namespace FlexPay;

/**
 * A payment or a payout that the gateway accepted. The money has not moved yet.
 *
 * @phpstan-type PaymentFields array{
 *     redirect_url: string|null,
 *     order_number: string|null,
 *     code: string|null,
 *     message: string|null,
 *     page: string|null,
 *     trace: string|null,
 *     is_recorded: bool,
 * }
 */
final class Payment
{
    /** @var PaymentFields */
    private array $fields;

    /**
     * @internal
     *
     * @param PaymentFields $fields by field name in flexpay.h
     */
    public function __construct(array $fields)
    {
        $this->fields = $fields;
    }

    /**
     * Where to send the customer: an absolute https URL (http on this machine only), checked. null after
     * payMobile() and payout().
     */
    public function getRedirectUrl(): ?string
    {
        return $this->fields['redirect_url'];
    }

    /**
     * The gateway's number, which check() and wait() need. After pay(), null with the api "v1". Never null
     * after payMobile() and payout().
     */
    public function getOrderNumber(): ?string
    {
        return $this->fields['order_number'];
    }

    /** The gateway's code, as received. */
    public function getCode(): ?string
    {
        return $this->fields['code'];
    }

    /** The gateway's message. */
    public function getMessage(): ?string
    {
        return $this->fields['message'];
    }

    /** If there is no URL (a form that submits itself): the HTML to send to the customer's browser. */
    public function getPage(): ?string
    {
        return $this->fields['page'];
    }

    /**
     * Whether it comes from the journal, where an earlier call recorded it: nothing was sent now. Before you
     * send the customer to its page, settle() tells whether it is paid already.
     */
    public function isRecorded(): bool
    {
        return $this->fields['is_recorded'];
    }

    /**
     * What the call did, step by step, as JSON text for your log. null without the option trace. It never
     * contains the token.
     */
    public function getCallTrace(): ?string
    {
        return $this->fields['trace'];
    }

    /**
     * Responds to the customer's browser: with a redirect to the card page or, if there is no URL,
     * with the gateway's page. Send no output before or after it.
     *
     * @throws \LogicException if output was sent before: the customer is then not redirected. Also after
     *                         payMobile() and payout(), which have no page.
     */
    public function sendToBrowser(): void
    {
        if ($this->fields['redirect_url'] === null && $this->fields['page'] === null) {
            throw new \LogicException('a payment by mobile money and a payout have no page for the browser');
        }
        [$file, $line] = ['', 0];
        if (headers_sent($file, $line)) {
            throw new \LogicException("the customer cannot be redirected: output was sent at $file:$line");
        }
        if ($this->fields['redirect_url'] !== null) {
            header('Location: ' . $this->fields['redirect_url'], true, 303);

            return;
        }
        header('Content-Type: text/html; charset=utf-8');
        echo $this->fields['page'];
    }
}
