#!/bin/sh
# A bridge that ends, or hangs, in the way that $ENDS names. It appends each line that it reads to the file
# $LINES.
read_line() { IFS= read -r line && printf '%s\n' "$line" >>"$LINES"; }
# Nothing can be written to this process any more. The process that started it may have left it more
# descriptors of the same pipe.
close_input() { exec <&- 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-; }
hello() { echo '{"id":0,"ok":{"bridge":1,"version":"0.0.0","timeout_ms":'"${TIMEOUT_MS:-30000}"'}}'; }
pay() { echo '{"id":1,"ok":{"redirect_url":"https://pay.example/1","order_number":"N0RD3R","page":null}}'; }
# It does not even notice the end of its input.
hang() { exec sleep 600; }

case $ENDS in
    before_hello) ;;
    before_the_request)
        read_line
        close_input
        hello
        ;;
    in_the_request)
        read_line
        hello
        dd bs=1 count=10 >/dev/null 2>&1
        close_input
        # Ends when the test has its result: until then only the writing of the line fails.
        while [ ! -e "$RESULT" ]; do sleep 0.1; done
        ;;
    before_the_reply)
        read_line
        hello
        read_line
        ;;
    in_the_reply)
        read_line
        hello
        read_line
        printf '{"id":1,"ok":{"redirect_url":"https://'
        ;;
    after_an_unknown_outcome)
        read_line
        hello
        read_line
        echo '{"id":1,"error":{"code":"REPLY","outcome":"UNKNOWN","http_status":200,"message":"no address","field":null,"gateway_code":"0","gateway_message":null,"order_number":"N0RD3R","trace":null}}'
        read_line
        echo '{"id":2,"ok":{"state":"PAID","order_number":"N0RD3R"}}'
        ;;
    after_the_reply)
        read_line
        hello
        read_line
        printf '%s\n' "$REPLY_LINE"
        ;;
    after_a_late_reply)
        read_line
        hello
        read_line
        # Longer than the time limit of a call, and the client's margin of 5 seconds.
        sleep 6
        echo '{"id":1,"ok":{"state":"PAID"}}'
        ;;
    after_the_state)
        read_line
        hello
        read_line
        pay
        read_line
        echo '{"id":2,"ok":{"state":"'"$STATE"'","order_number":"N0RD3R"}}'
        ;;
    hangs_before_hello) hang ;;
    hangs_before_the_request)
        read_line
        hello
        hang
        ;;
    hangs_in_the_payment)
        read_line
        hello
        read_line
        hang
        ;;
    hangs_after_the_reply)
        read_line
        hello
        read_line
        printf '%s\n' "$REPLY_LINE"
        hang
        ;;
    hangs_in_the_wait)
        read_line
        hello
        read_line
        pay
        read_line
        hang
        ;;
    hangs_at_the_end)
        read_line
        hello
        read_line
        pay
        read_line
        echo '{"id":2,"ok":{"state":"PAID","order_number":"N0RD3R"}}'
        hang
        ;;
esac
