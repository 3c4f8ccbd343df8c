<?php

declare(strict_types=1);

namespace FlexPay;

/**
 * A payment that the gateway accepted. The customer has not paid yet.
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
     * @param PaymentFields $fields by field name in flexpay.h
     */
    public function __construct(array $fields)
    {
        $this->fields = $fields;
    }

    /** Where to send the customer: an absolute https URL (http on this machine only), checked. */
    public function getRedirectUrl(): ?string
    {
        return $this->fields['redirect_url'];
    }

    /** The gateway's number, which check() and wait() need. null with the api "v1". */
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
     * Responds to the customer's browser: with a redirect to the card page or, if there is no URL,
     * with the gateway's page. Send no output before or after it.
     *
     * @throws \LogicException if output was sent before: the customer is then not redirected
     */
    public function sendToBrowser(): void
    {
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
