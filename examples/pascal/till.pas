{
  A till: takes payments by card, or by phone if there is a phone number, one after the other, and waits
  for each customer. Each line of its input is a sale:

    REFERENCE AMOUNT CURRENCY [PHONE]

  Exit status: 0 all are paid; 1 one is not paid; 2 one is unknown: the customer may have paid, or may
  still pay.

  Environment: FLEXPAY_PROGRAM is the path of the program flexpay, unless it is on the PATH. The program
  itself reads FLEXPAY_MERCHANT, FLEXPAY_TOKEN, FLEXPAY_API=v1.1 (only v1.1 returns the order number that
  a wait requires), and the others of flexpay_client_from_env. FLEXPAY_TILL_WAIT_S is how long to wait for
  the customer, and FLEXPAY_TILL_GRACE_S how long a decline must last to be final, in seconds.

  Build: fpc till.pas
}
program Till;

{$mode objfpc}{$H+}

uses
  Math, SysUtils, FlexPay, fpjson;

type
  TVerdict = (Paid, NotPaid, Unknown);

  TSale = record
    Reference, Amount, Currency, Phone: string;
  end;

var
  Client: TFlexPay;

{ 0 is the default of the library. }
function Milliseconds(const Name: string): Integer;
begin
  Result := StrToIntDef(GetEnvironmentVariable(Name), 0) * 1000;
end;

procedure PrintUnknown(const Sale: TSale; const OrderNumber, Why: string);
begin
  WriteLn('UNKNOWN: the customer may have paid, or may still pay.');
  if OrderNumber <> '' then
    WriteLn('Do not request this payment again: check the order ', OrderNumber, ' first.')
  else
    WriteLn('Do not request this payment again: look for ', Sale.Reference,
      ' in FlexPay''s merchant console first.');
  WriteLn('Why: ', Why);
end;

{ Returns the order number. }
function RequestPayment(const Sale: TSale): string;
var
  Request, Payment: TJSONObject;
begin
  Request := TJSONObject.Create([
    'reference', Sale.Reference, { chosen by you; never use one twice }
    'amount', Sale.Amount,
    'currency', Sale.Currency,
    'callback_url', 'https://shop.example/callback',
    'approve_url', 'https://shop.example/thanks',
    'cancel_url', 'https://shop.example/cart',
    'decline_url', 'https://shop.example/declined']);
  if Sale.Phone = '' then
    Payment := Client.Call('pay', Request)
  else
  begin
    Request.Add('phone', Sale.Phone);
    Payment := Client.Call('pay_mobile', Request);
  end;
  try
    Result := Payment.Get('order_number', '');
    if Sale.Phone = '' then
      WriteLn('Send the customer to ', Payment.Get('redirect_url', Payment.Get('page', '')))
    else
      WriteLn('The customer confirms on the phone.');
  finally
    Payment.Free;
  end;
end;

{ Returns the state of the payment. }
function Wait(const Sale: TSale; const OrderNumber: string): string;
var
  Expected, Transaction: TJSONObject;
begin
  { Accept no other payment. }
  Expected := TJSONObject.Create(['reference', Sale.Reference, 'amount', Sale.Amount,
    'currency', Sale.Currency, 'order_number', OrderNumber, 'kind', 'CARD']);
  if Sale.Phone <> '' then
    Expected.Strings['kind'] := 'MOBILE';
  Transaction := Client.Call('wait', TJSONObject.Create([
    'order_number', OrderNumber,
    'timeout_ms', Milliseconds('FLEXPAY_TILL_WAIT_S'),
    'failed_grace_ms', Milliseconds('FLEXPAY_TILL_GRACE_S'),
    'expected', Expected]));
  Result := Transaction.Get('state', '');
  Transaction.Free;
end;

{ A wait changes nothing. So it may be repeated, with a new bridge, if the first one died. }
function WaitForCustomer(const Sale: TSale; const OrderNumber: string): string;
begin
  try
    Result := Wait(Sale, OrderNumber);
  except
    on Error: EFlexPay do
      if Error.Code = NoBridge then
        Result := Wait(Sale, OrderNumber)
      else
        raise;
  end;
end;

{ Raises what it does not foresee. OrderNumber is the order that is paid, as soon as it is known. }
function Sell(const Sale: TSale; var OrderNumber: string): TVerdict;
var
  State: string;
begin
  { Shown before anything is sent. A till writes it to its disk here. }
  WriteLn('Requesting ', Sale.Amount, ' ', Sale.Currency, ', reference ', Sale.Reference, ' ...');
  Flush(Output);
  try
    OrderNumber := RequestPayment(Sale);
    Flush(Output);
  except
    on Error: EFlexPay do
    begin
      { Only these two say that there is no payment. }
      if (Error.Outcome = 'NOT_SENT') or (Error.Outcome = 'REFUSED') then
      begin
        WriteLn(Error.Outcome, ': ', Error.Message);
        Exit(NotPaid);
      end;
      { The request may have arrived. It is never sent again. With an order number we can still wait. }
      OrderNumber := Error.OrderNumber;
      if OrderNumber = '' then
        raise;
    end;
  end;
  State := WaitForCustomer(Sale, OrderNumber);
  case State of
    'PAID':
    begin
      WriteLn('PAID');
      Result := Paid;
    end;
    'FAILED', 'CANCELLED', 'REFUNDING', 'REFUNDED':
    begin
      WriteLn('NOT PAID: ', State);
      Result := NotPaid;
    end;
    else
      raise Exception.Create('the state is ' + State);
  end;
end;

{ Any exception may have come after the payment was requested, so the outcome is unknown. }
function TakePayment(const Sale: TSale): TVerdict;
var
  OrderNumber: string = '';
begin
  try
    Result := Sell(Sale, OrderNumber);
    Flush(Output);
  except
    on Error: Exception do
    begin
      Result := Unknown;
      try
        PrintUnknown(Sale, OrderNumber, Error.Message);
        Flush(Output);
      except
        { Nobody reads the output. The exit status still says it. }
      end;
    end;
  end;
end;

{ Reads the sale of a line. }
function ReadSale(const Line: string): TSale;
var
  Words: TStringArray;
begin
  Words := Line.Trim.Split([' ']);
  SetLength(Words, 4);
  Result.Reference := Words[0];
  Result.Amount := Words[1];
  Result.Currency := Words[2];
  Result.Phone := Words[3];
end;

var
  Line, ProgramName: string;
  Worst: Integer = 0;
begin
  ProgramName := GetEnvironmentVariable('FLEXPAY_PROGRAM');
  if ProgramName = '' then
    ProgramName := 'flexpay';
  Client := TFlexPay.Create(ProgramName);
  while not Eof(Input) do
  begin
    ReadLn(Line);
    Worst := Max(Worst, Ord(TakePayment(ReadSale(Line))));
  end;
  Client.Free;
  Halt(Worst);
end.
