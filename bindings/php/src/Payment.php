<?php

declare(strict_types=1);

namespace FlexPay;

/**
 * A payment that the gateway took in; the customer has yet to pay.
 *
 * @phpstan-type PaymentFields array{
 *     redirect_url: string|null,
 *     order_number: string|null,
 *     code: string|null,
 *     message: string|null,
 *     page: string|null,
 * }
 */
final class Payment
{
    /** @var PaymentFields */
    private array $fields;

    /**
     * @internal
     *
     * @param PaymentFields $fields by the names of flexpay.h
     */
    public function __construct(array $fields)
    {
        $this->fields = $fields;
    }

    /** Where to send the customer: an absolute https address (http on this machine only), checked. */
    public function getRedirectUrl(): ?string
    {
        return $this->fields['redirect_url'];
    }

    /** The gateway's number, which check() and wait() need. The api "v1" gives none. */
    public function getOrderNumber(): ?string
    {
        return $this->fields['order_number'];
    }

    /** The gateway's code, as it came. */
    public function getCode(): ?string
    {
        return $this->fields['code'];
    }

    /** The gateway's words. */
    public function getMessage(): ?string
    {
        return $this->fields['message'];
    }

    /** Where there is no address (a form that submits itself): the HTML to hand to the customer's browser. */
    public function getPage(): ?string
    {
        return $this->fields['page'];
    }

    /**
     * Answers the customer's browser: with a redirect to the card page or, where there is no address,
     * with the gateway's page. Nothing may have been sent before, and nothing is to follow.
     *
     * @throws \LogicException when output was sent before it: then the customer is sent nowhere
     */
    public function sendToBrowser(): void
    {
        [$file, $line] = ['', 0];
        if (headers_sent($file, $line)) {
            throw new \LogicException("the customer cannot be sent on: output was sent at $file:$line");
        }
        if ($this->fields['redirect_url'] !== null) {
            header('Location: ' . $this->fields['redirect_url'], true, 303);

            return;
        }
        header('Content-Type: text/html; charset=utf-8');
        echo $this->fields['page'];
    }
}
