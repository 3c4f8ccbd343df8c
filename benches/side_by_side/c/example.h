/* example.h: the examples of the card document. */

#ifndef EXAMPLE_H
#define EXAMPLE_H

#define EXAMPLE_ORDER "9bsTX7qXdpQe243815877848"
#define EXAMPLE_REFERENCE "MMO00012"
#define EXAMPLE_AMOUNT "50"
#define EXAMPLE_CURRENCY "CDF"

#define EXAMPLE_CALLBACK \
    "{\"code\":\"0\",\"reference\":\"MLOPN5472452\",\"provider_reference\":\"7KI81020PHS\"," \
    "\"orderNumber\":\"9bsTX7qXdpQe243815877848\"}"
#define EXAMPLE_CALLBACK_REFERENCE "MLOPN5472452"

#endif
