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

function IsUnknown(Error: EFlexPay; const Sale: TSale; const OrderNumber: string): TVerdict;
begin
  WriteLn('UNKNOWN: the customer may have paid, or may still pay.');
  if OrderNumber <> '' then
    WriteLn('Do not request this payment again: check the order ', OrderNumber, ' first.')
  else
    WriteLn('Do not request this payment again: look for ', Sale.Reference,
      ' in FlexPay''s merchant console first.');
  WriteLn('Why: ', Error.Message);
  Result := Unknown;
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
  if Sale.Phone <> '' then
  begin
    Request.Add('phone', Sale.Phone);
    Payment := Client.Call('pay_mobile', Request);
    WriteLn('The customer confirms on the phone.');
  end
  else
  begin
    Payment := Client.Call('pay', Request);
    if Payment.Nulls['redirect_url'] then
      WriteLn('Send the customer to ', Payment.Strings['page'])
    else
      WriteLn('Send the customer to ', Payment.Strings['redirect_url']);
  end;
  Result := '';
  if not Payment.Nulls['order_number'] then
    Result := Payment.Strings['order_number'];
  Payment.Free;
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
  Result := Transaction.Strings['state'];
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

function TakePayment(const Sale: TSale): TVerdict;
var
  OrderNumber, State: string;
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
      if Error.Outcome <> 'UNKNOWN' then
      begin
        WriteLn(Error.Outcome, ': ', Error.Message); { NOT_SENT or REFUSED }
        Exit(NotPaid);
      end;
      { The request may have arrived. It is never sent again. With an order number we can still wait. }
      if Error.OrderNumber = '' then
        Exit(IsUnknown(Error, Sale, ''));
      OrderNumber := Error.OrderNumber;
    end;
  end;
  try
    State := WaitForCustomer(Sale, OrderNumber);
  except
    on Error: EFlexPay do
      Exit(IsUnknown(Error, Sale, OrderNumber));
  end;
  if State = 'PAID' then
  begin
    WriteLn('PAID');
    Exit(Paid);
  end;
  WriteLn('NOT PAID: ', State);
  Result := NotPaid;
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
    Flush(Output);
  end;
  Client.Free;
  Halt(Worst);
end.
