<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * Another call is sending the request of this reference now. Wait for its result.
 */
final class InProgressException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'IN_PROGRESS';
    }
}
