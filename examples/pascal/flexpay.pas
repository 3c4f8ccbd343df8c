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
  Classes, Math, SysUtils, Process, fpjson, jsonparser;

const
  { The code of the error if the program cannot be started, or ended. }
  NoBridge = 'BRIDGE';

type
  { A call that failed. Outcome says what to do:

    - NOT_SENT: nothing was sent. You may repeat the call.
    - REFUSED: the gateway refused. Correct the cause first. If the reference was used before, check that
      payment first.
    - UNKNOWN: a payment may have been made. Do not repeat it. Check first.

    Any other exception of a call is like UNKNOWN. }
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
    { The time limit of a call. The reply to hello has it. }
    FTimeoutMs: Integer;
    procedure Start;
    procedure Stop;
    procedure Kill;
    function Exchange(const Name: string; Request: TJSONObject; LimitMs: Int64): TJSONObject;
    function WriteLine(const Line: string; Deadline: QWord): Boolean;
    function ReadLine(out Line: string; Deadline: QWord): Boolean;
    function ReadReply(const Line: string): TJSONObject;
  public
    constructor Create(const ProgramName: string);
    { Ends the bridge. }
    destructor Destroy; override;
    { Makes a call. Frees Request, also if the call fails. The caller frees the result. Raises EFlexPay. }
    function Call(const Name: string; Request: TJSONObject): TJSONObject;
  end;

implementation

const
  { How much longer than its time limit the reply to a call may take. Then the bridge hangs, and is killed. }
  MarginMs = 5000;
  { With a journal: how long a payment may wait for another program that writes to it. }
  JournalMs = 70000;
  { How long the bridge may take to start. }
  StartMs = 10000;
  { The longest time limit of a wait that has none of its own. }
  WaitMs = 600000;
  { Between two looks at a pipe. }
  PauseMs = 10;

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

{ The time limit of a call that asks the gateway more than once. Its last question may take longer. }
function OwnLimitMs(const Name: string; Request: TJSONObject): Int64;
var
  Options: TJSONObject;
begin
  Options := nil;
  if (Name = 'wait') or (Name = 'reconcile') then
    Options := Request
  else if (Name = 'settle') and (Request.Find('wait', jtObject) <> nil) then
    Options := Request.Objects['wait'];
  if Options = nil then
    Exit(0);
  Result := Options.Get('timeout_ms', Int64(0));
  if Result = 0 then
    Result := WaitMs;
end;

function TFlexPay.Call(const Name: string; Request: TJSONObject): TJSONObject;
var
  LimitMs: Int64;
begin
  if FBridge = nil then
    try
      Start;
    except
      Request.Free;
      raise;
    end;
  LimitMs := FTimeoutMs + OwnLimitMs(Name, Request) + MarginMs;
  if GetEnvironmentVariable('FLEXPAY_JOURNAL') <> '' then
    LimitMs := LimitMs + JournalMs;
  Result := Exchange(Name, Request, LimitMs);
end;

{ Starts a bridge. Whatever fails here, the call itself was not sent. }
procedure TFlexPay.Start;
var
  Hello: TJSONObject;
begin
  FReceived := '';
  FLastId := -1;
  FBridge := TProcess.Create(nil);
  FBridge.Executable := FProgramName;
  FBridge.Parameters.Add('bridge');
  FBridge.Options := [poUsePipes, poNoConsole];
  { On Windows, a pipe that is smaller than a line holds up the writer. }
  FBridge.PipeBufferSize := 1024 * 1024;
  try
    FBridge.Execute;
    {$ifdef unix}
    { So that WriteLine comes back if the bridge does not read. }
    FpFcntl(FBridge.Input.Handle, F_SETFL, O_NONBLOCK);
    {$endif}
    { Without settings in it, the bridge reads those of the environment. }
    Hello := Exchange('hello', TJSONObject.Create(['bridge', 1]), StartMs);
    FTimeoutMs := Hello.Get('timeout_ms', 0);
    Hello.Free;
  except
    on Error: Exception do
    begin
      Kill;
      if Error is EFlexPay then
        raise NewError(EFlexPay(Error).Code, 'NOT_SENT', Error.Message);
      raise NewError(NoBridge, 'NOT_SENT', Error.Message);
    end;
  end;
end;

procedure TFlexPay.Stop;
begin
  if FBridge = nil then
    Exit;
  { The bridge ends when its input does. }
  FBridge.CloseInput;
  if FBridge.Running then
    FBridge.WaitOnExit(MarginMs);
  Kill;
end;

{ Ends a bridge that does not follow the protocol. }
procedure TFlexPay.Kill;
begin
  if FBridge = nil then
    Exit;
  if FBridge.Running then
    FBridge.Terminate(1);
  FreeAndNil(FBridge);
end;

function TFlexPay.Exchange(const Name: string; Request: TJSONObject; LimitMs: Int64): TJSONObject;
var
  Message, Reply, Problem: TJSONObject;
  Line: string;
  Deadline: QWord;
  Error: EFlexPay;
begin
  Inc(FLastId);
  Message := TJSONObject.Create(['id', FLastId, 'call', Name, 'request', Request]);
  Line := Message.AsJSON;
  Message.Free;
  Deadline := GetTickCount64 + QWord(LimitMs);

  { No incomplete line is carried out. }
  if not WriteLine(Line, Deadline) then
  begin
    Kill;
    raise NewError(NoBridge, 'NOT_SENT', 'the program flexpay does not read its input any more');
  end;
  { The bridge has the line now. Without a reply, nobody knows how far it came. }
  if not ReadLine(Line, Deadline) then
  begin
    Kill;
    raise NewError(NoBridge, 'UNKNOWN', 'the program flexpay did not reply');
  end;
  Reply := ReadReply(Line);
  if Reply = nil then
  begin
    Kill;
    raise NewError(NoBridge, 'UNKNOWN', 'the program flexpay replied with a line that cannot be read');
  end;
  try
    if Reply.Find('ok', jtObject) <> nil then
      Exit(Reply.Extract('ok') as TJSONObject);
    Problem := Reply.Objects['error'];
    { '' instead of what it does not have: no outcome is like UNKNOWN. }
    Error := NewError(Problem.Get('code', ''), Problem.Get('outcome', ''), Problem.Get('message', ''));
    Error.OrderNumber := Problem.Get('order_number', '');
    raise Error;
  finally
    Reply.Free;
  end;
end;

{ Returns whether all of the line was written. }
function TFlexPay.WriteLine(const Line: string; Deadline: QWord): Boolean;
var
  Bytes: string;
  Done, Count: Integer;
  IsFull: Boolean;
begin
  Bytes := Line + #10;
  Done := 0;
  while Done < Length(Bytes) do
  begin
    Count := FBridge.Input.Write(Bytes[Done + 1], Length(Bytes) - Done);
    IsFull := {$ifdef unix} (Count <= 0) and (FpGetErrno = ESysEAGAIN) {$else} False {$endif};
    if Count > 0 then
      Inc(Done, Count)
    else if IsFull and (GetTickCount64 < Deadline) then
      Sleep(PauseMs)
    else
      Exit(False);
  end;
  Result := True;
end;

{ Reads a complete line. Returns False if the bridge ended before, or at the deadline. }
function TFlexPay.ReadLine(out Line: string; Deadline: QWord): Boolean;
var
  Buffer: array[0..4095] of AnsiChar;
  Part: string;
  Count, LineEnd: Integer;
  IsLast: Boolean;
begin
  LineEnd := Pos(#10, FReceived);
  while LineEnd = 0 do
  begin
    { Before the look at the pipe: what the bridge wrote before its end is still read. }
    IsLast := (GetTickCount64 >= Deadline) or not FBridge.Running;
    Count := FBridge.Output.NumBytesAvailable;
    if Count > 0 then
    begin
      Count := FBridge.Output.Read(Buffer, Min(Count, SizeOf(Buffer)));
      SetString(Part, @Buffer[0], Count);
      FReceived := FReceived + Part;
      LineEnd := Pos(#10, FReceived);
    end
    else if IsLast then
      Exit(False)
    else
      Sleep(PauseMs);
  end;
  Line := Copy(FReceived, 1, LineEnd - 1);
  Delete(FReceived, 1, LineEnd);
  Result := True;
end;

{ Returns nil if a line is not a reply to the last call. }
function TFlexPay.ReadReply(const Line: string): TJSONObject;
var
  Data: TJSONData;
begin
  try
    Data := GetJSON(Line);
  except
    Exit(nil);
  end;
  if Data is TJSONObject then
  begin
    Result := TJSONObject(Data);
    { The id of an error is null if the bridge could not read the line. }
    if (Result.Get('id', FLastId) = FLastId)
      and ((Result.Find('ok', jtObject) <> nil) or (Result.Find('error', jtObject) <> nil)) then
      Exit;
  end;
  Data.Free;
  Result := nil;
end;

initialization
  { The texts of the protocol are UTF-8. }
  SetMultiByteConversionCodePage(CP_UTF8);
end.
