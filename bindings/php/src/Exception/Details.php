<?php

declare(strict_types=1);

namespace FlexPay\Exception;

use FlexPay\Internal\StackTrace;

/**
 * The fields of every exception of this package.
 *
 * @internal
 *
 * @require-extends \Exception
 */
trait Details
{
    private string $outcome;
    private ?int $httpStatus;
    private ?string $field;
    private ?string $gatewayCode;
    private ?string $gatewayMessage;
    private ?string $orderNumber;
    private ?string $callTrace;

    public function __construct(
        string $message,
        int $code,
        string $outcome,
        ?string $field = null,
        ?int $httpStatus = null,
        ?string $gatewayCode = null,
        ?string $gatewayMessage = null,
        ?\Throwable $previous = null,
        ?string $orderNumber = null,
        ?string $callTrace = null
    ) {
        parent::__construct($message, $code, $previous);
        StackTrace::scrub($this);
        if ($previous !== null) {
            StackTrace::scrub($previous);
        }
        $this->outcome = $outcome;
        $this->httpStatus = $httpStatus;
        $this->field = $field;
        $this->gatewayCode = $gatewayCode;
        $this->gatewayMessage = $gatewayMessage;
        $this->orderNumber = $orderNumber;
        $this->callTrace = $callTrace;
    }

    public function getOutcome(): string
    {
        return $this->outcome;
    }

    public function getHttpStatus(): ?int
    {
        return $this->httpStatus;
    }

    public function getField(): ?string
    {
        return $this->field;
    }

    public function getGatewayCode(): ?string
    {
        return $this->gatewayCode;
    }

    public function getGatewayMessage(): ?string
    {
        return $this->gatewayMessage;
    }

    public function getOrderNumber(): ?string
    {
        return $this->orderNumber;
    }

    public function getCallTrace(): ?string
    {
        return $this->callTrace;
    }
}
