{
  A client for `flexpay bridge`. Copy this file into your program. docs/bridge.md describes the
  protocol: the calls, their requests and their results.

  It needs Free Pascal 3.2 or later, with its units process and fpjson. Delphi has the same JSON classes
  in System.JSON; there, start the program with CreateProcess and two pipes.

    Client := TFlexPay.Create('flexpay');
    Payment := Client.Call('pay', Request);
}
unit FlexPay;

{$mode objfpc}{$H+}

interface

uses
  {$ifdef unix} BaseUnix, {$endif}
  Classes, SysUtils, Process, fpjson, jsonparser;

const
  { The code of the error if the program cannot be started, or ended. }
  NoBridge = 'BRIDGE';

type
  { A call that failed. Outcome says what to do:

    - NOT_SENT: nothing was sent. You may repeat the call.
    - REFUSED: the gateway refused. Correct the cause first.
    - UNKNOWN: a payment may have been made. Do not repeat it. Check first. }
  EFlexPay = class(Exception)
  public
    Code, Outcome: string;
    { Empty if the gateway did not send one. }
    OrderNumber: string;
  end;

  { Makes calls through a bridge, one at a time, and starts a new bridge if the last one ended. }
  TFlexPay = class
  private
    FProgramName: string;
    FBridge: TProcess;
    { What was read from the bridge and is not a complete line yet. }
    FReceived: string;
    FLastId: Integer;
    procedure Start;
    procedure Stop;
    function Exchange(const Name: string; Request: TJSONObject): TJSONObject;
    function WriteLine(const Line: string): Boolean;
    function ReadReply: TJSONObject;
  public
    constructor Create(const ProgramName: string);
    { Ends the bridge. }
    destructor Destroy; override;
    { Makes a call. Frees Request, also if the call fails. The caller frees the result. Raises EFlexPay. }
    function Call(const Name: string; Request: TJSONObject): TJSONObject;
  end;

implementation

function NewError(const Code, Outcome, Message: string): EFlexPay;
begin
  Result := EFlexPay.Create(Message);
  Result.Code := Code;
  Result.Outcome := Outcome;
end;

constructor TFlexPay.Create(const ProgramName: string);
begin
  FProgramName := ProgramName;
  {$ifdef unix}
  { Otherwise the system ends this program when the bridge has died before a write. }
  FpSignal(SIGPIPE, SignalHandler(SIG_IGN));
  {$endif}
end;

destructor TFlexPay.Destroy;
begin
  Stop;
  inherited Destroy;
end;

function TFlexPay.Call(const Name: string; Request: TJSONObject): TJSONObject;
begin
  if FBridge = nil then
    try
      Start;
    except
      Request.Free;
      raise;
    end;
  Result := Exchange(Name, Request);
end;

{ Starts a bridge. Whatever fails here, the call itself was not sent. }
procedure TFlexPay.Start;
begin
  FReceived := '';
  FLastId := -1;
  FBridge := TProcess.Create(nil);
  FBridge.Executable := FProgramName;
  FBridge.Parameters.Add('bridge');
  FBridge.Options := [poUsePipes, poNoConsole];
  try
    FBridge.Execute;
    { Without settings in it, the bridge reads those of the environment. }
    Exchange('hello', TJSONObject.Create(['bridge', 1])).Free;
  except
    on Error: EFlexPay do
    begin
      Stop;
      raise NewError(Error.Code, 'NOT_SENT', Error.Message);
    end;
    on Error: Exception do
    begin
      Stop;
      raise NewError(NoBridge, 'NOT_SENT', Error.Message);
    end;
  end;
end;

procedure TFlexPay.Stop;
begin
  if FBridge = nil then
    Exit;
  if FBridge.Running then
  begin
    { The bridge ends when its input does. }
    FBridge.CloseInput;
    FBridge.WaitOnExit;
  end;
  FreeAndNil(FBridge);
end;

function TFlexPay.Exchange(const Name: string; Request: TJSONObject): TJSONObject;
var
  Message, Reply, Problem: TJSONObject;
  Line: string;
  Error: EFlexPay;
begin
  Inc(FLastId);
  Message := TJSONObject.Create(['id', FLastId, 'call', Name, 'request', Request]);
  Line := Message.AsJSON;
  Message.Free;

  { No incomplete line is carried out. }
  if not WriteLine(Line) then
  begin
    Stop;
    raise NewError(NoBridge, 'NOT_SENT', 'the program flexpay does not read its input any more');
  end;
  { The bridge has the line now. If it ends before its reply, nobody knows how far it came. }
  Reply := ReadReply;
  if Reply = nil then
  begin
    Stop;
    raise NewError(NoBridge, 'UNKNOWN', 'the program flexpay ended without a reply');
  end;
  try
    if Reply.Find('ok') <> nil then
      Exit(Reply.Extract('ok') as TJSONObject);
    Problem := Reply.Objects['error'];
    Error := NewError(Problem.Strings['code'], Problem.Strings['outcome'], Problem.Strings['message']);
    if not Problem.Nulls['order_number'] then
      Error.OrderNumber := Problem.Strings['order_number'];
    raise Error;
  finally
    Reply.Free;
  end;
end;

{ Returns whether all of the line was written. }
function TFlexPay.WriteLine(const Line: string): Boolean;
var
  Bytes: string;
  Done, Count: Integer;
begin
  Bytes := Line + #10;
  Done := 0;
  while Done < Length(Bytes) do
  begin
    Count := FBridge.Input.Write(Bytes[Done + 1], Length(Bytes) - Done);
    if Count <= 0 then
      Exit(False);
    Inc(Done, Count);
  end;
  Result := True;
end;

{ Returns nil if the bridge ended before the end of a line, or if the line is not a reply. }
function TFlexPay.ReadReply: TJSONObject;
var
  Buffer: array[0..4095] of AnsiChar;
  Part: string;
  Count, LineEnd: Integer;
begin
  LineEnd := Pos(#10, FReceived);
  while LineEnd = 0 do
  begin
    Count := FBridge.Output.Read(Buffer, SizeOf(Buffer));
    if Count <= 0 then
      Exit(nil);
    SetString(Part, @Buffer[0], Count);
    FReceived := FReceived + Part;
    LineEnd := Pos(#10, FReceived);
  end;
  try
    Result := GetJSON(Copy(FReceived, 1, LineEnd - 1)) as TJSONObject;
  except
    Result := nil;
  end;
  Delete(FReceived, 1, LineEnd);
end;

initialization
  { The texts of the protocol are UTF-8. }
  SetMultiByteConversionCodePage(CP_UTF8);
end.
