//! The listeners: accept connections, pass requests to the gateway, apply faults to the replies.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::HandshakeKind;
use tower::ServiceExt;

use crate::check;
use crate::faults::{Action, Endpoint};
use crate::faulty_stream::{self, End, ExchangeTracker, FaultyStream, Plan, Socket};
use crate::gateway::Gateway;
use crate::journal::Outcome;
use crate::pages;
use crate::refusal::RefusalMessage;

/// The maximum length of a request body, in bytes.
const BODY_MAX: usize = 1 << 20;

/// How a request reached the gateway. Handlers read it from the request's extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionInfo {
    pub(crate) tls: bool,
    pub(crate) local: SocketAddr,
}

/// Accepts connections until the runtime stops.
pub(crate) async fn listen(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    gateway: Arc<Gateway>,
    app: Router,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Here, so that they are recorded in the order in which they were accepted.
                let id = gateway.journal.opened(tls.is_some());
                tokio::spawn(connection(
                    id,
                    stream,
                    tls.clone(),
                    gateway.clone(),
                    app.clone(),
                ));
            }
            // Usually too many open files: some will be closed soon.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn connection(
    id: u64,
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    gateway: Arc<Gateway>,
    app: Router,
) {
    let _ = stream.set_nodelay(true);
    let tls_error = match apply_connection_fault(stream, &gateway).await {
        None => None,
        Some(stream) => match tls {
            None => {
                serve_requests(stream, id, false, &gateway, app).await;
                None
            }
            Some(acceptor) => match acceptor.accept(stream).await {
                Ok(stream) => {
                    if stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed) {
                        gateway.journal.resumed(id);
                    }
                    serve_requests(stream, id, true, &gateway, app).await;
                    None
                }
                Err(error) => Some(error.to_string()),
            },
        },
    };
    gateway.journal.closed(id, tls_error);
}

/// Applies the connection fault, if one is queued. Returns the stream if it must still be read.
async fn apply_connection_fault(mut stream: TcpStream, gateway: &Gateway) -> Option<TcpStream> {
    match gateway.faults.for_connection() {
        None => return Some(stream),
        Some(Action::Delay { ms }) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            return Some(stream);
        }
        Some(Action::ResetBeforeReading) => {
            faulty_stream::reset_on_close(&stream);
            return None;
        }
        Some(Action::CutAfter { .. }) => {
            let _ = stream.shutdown().await;
        }
        Some(_) => {}
    }
    // Closing a socket with unread bytes sends RST, so read and discard them.
    let mut discarded = [0; 4096];
    while matches!(stream.read(&mut discarded).await, Ok(n) if n > 0) {}
    None
}

async fn serve_requests<S: Socket>(
    stream: S,
    connection: u64,
    tls: bool,
    gateway: &Arc<Gateway>,
    app: Router,
) {
    let Ok(local) = stream.tcp().local_addr() else {
        return;
    };
    let connection_info = ConnectionInfo { tls, local };
    let tracker = ExchangeTracker::new(connection, Arc::clone(&gateway.journal));
    let service = service_fn(|request| {
        let (gateway, app, tracker) = (gateway.clone(), app.clone(), tracker.clone());
        async move { handle(request, connection_info, &gateway, app, &tracker).await }
    });
    // The journal records how the connection ended.
    let _ = http1::Builder::new()
        .title_case_headers(true)
        .serve_connection(
            TokioIo::new(FaultyStream::new(stream, tracker.clone())),
            service,
        )
        .await;
    tracker.connection_closed();
}

async fn handle(
    request: Request<Incoming>,
    connection_info: ConnectionInfo,
    gateway: &Arc<Gateway>,
    app: Router,
    tracker: &ExchangeTracker,
) -> Result<Response<Body>, hyper::Error> {
    let (mut head, body) = request.into_parts();
    if let Some(refusal) = gateway.hosts.refusal(&head, connection_info) {
        tracker.refuse();
        // Closing a socket with unread bytes sends RST, which could destroy the reply.
        let _ = Limited::new(body, BODY_MAX).collect().await;
        return Ok(refusal);
    }
    let body = match Limited::new(body, BODY_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => match error.downcast::<hyper::Error>() {
            Ok(read_error) => return Err(*read_error),
            Err(_) => {
                let too_long = StatusCode::PAYLOAD_TOO_LARGE;
                if let Some(id) = tracker.request_received() {
                    let answered = Outcome::Answered(too_long.as_u16());
                    gateway.journal.set_outcome(id, answered);
                }
                tracker.start_reply(Plan::Whole);
                return Ok(plain(too_long, "Requête trop longue"));
            }
        },
    };
    let path = head.uri.path().to_owned();
    let id = tracker.request_received();
    if let Some(id) = id {
        gateway.journal.complete(id, |record| {
            record.endpoint = Endpoint::of(&path);
            record.method = head.method.as_str().to_owned();
            record.path = head
                .uri
                .path_and_query()
                .map_or_else(|| path.clone(), ToString::to_string);
            record.headers = head.headers.iter().map(header_text).collect();
            record.body = body.to_vec();
        });
    }
    head.extensions.insert(connection_info);
    let request = Request::from_parts(head, body);
    let action = gateway
        .faults
        .for_request(&path, check::order_number_in_path(&path).as_deref());
    // On a separate task: the gateway finishes processing even if the client disconnects.
    let is_faulty = action.is_some();
    let task = tokio::spawn(process(request, action, app));
    let (response, plan) = task.await.unwrap_or_else(|_| {
        let error = plain(StatusCode::INTERNAL_SERVER_ERROR, "Erreur interne");
        (error, Plan::Whole)
    });
    if let Some(id) = id {
        if !is_faulty && let Some(message) = refusal(Endpoint::of(&path), &response) {
            gateway.journal.set_refusal(id, message);
        }
        gateway
            .journal
            .set_outcome(id, outcome(plan, response.status()));
    }
    tracker.start_reply(plan);
    Ok(response)
}

fn header_text((name, value): (&HeaderName, &HeaderValue)) -> (String, String) {
    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
    (name.as_str().to_owned(), value)
}

/// Why the gateway refused the request: its message, or the HTTP status if it has no message. `None`
/// if it did not refuse.
fn refusal(endpoint: Endpoint, response: &Response<Body>) -> Option<String> {
    let status = response.status();
    // The card page shows its errors to the customer; they are not refusals.
    let is_excluded = matches!(endpoint, Endpoint::Checkout | Endpoint::Vectors);
    match response.extensions().get::<RefusalMessage>() {
        Some(RefusalMessage(message)) => Some(message.clone()),
        None if !is_excluded && status.is_client_error() => Some(format!("HTTP {status}")),
        None => None,
    }
}

fn outcome(plan: Plan, status: StatusCode) -> Outcome {
    match plan {
        Plan::StopAfter { left, end } => match end {
            End::Close => Outcome::ClosedAfter(left),
            End::Reset => Outcome::ResetAfter(left),
            End::Stall => Outcome::StalledAfter(left),
        },
        Plan::Whole | Plan::Drip { .. } => Outcome::Answered(status.as_u16()),
    }
}

/// The gateway's reply with the fault applied, and how to send it.
async fn process(
    request: Request<Bytes>,
    action: Option<Action>,
    app: Router,
) -> (Response<Body>, Plan) {
    let is_processed = match &action {
        Some(Action::Reply { record, .. } | Action::Html { record, .. }) => *record,
        _ => true,
    };
    let response = if is_processed {
        let answered: Result<_, Infallible> = app.oneshot(request.map(Body::from)).await;
        answered.unwrap_or_else(|never| match never {})
    } else {
        Response::default()
    };
    let ((left, end), response) = match action {
        None => return (response, Plan::Whole),
        Some(Action::Delay { ms }) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            return (response, Plan::Whole);
        }
        Some(Action::Drip { ms_per_byte }) => {
            let pause = Duration::from_millis(ms_per_byte);
            return (response, Plan::Drip { pause });
        }
        Some(Action::Reply {
            status,
            headers,
            body,
            ..
        }) => return (canned(status, &headers, body), Plan::Whole),
        Some(Action::Html { status, .. }) => return (pages::error(status), Plan::Whole),
        Some(Action::MalformedJson) => return (half_of(response).await, Plan::Whole),
        Some(Action::CutAfter { bytes }) => ((bytes, End::Close), response),
        Some(Action::StallAfter { bytes }) => ((bytes, End::Stall), response),
        Some(Action::CloseAfterReading) => ((0, End::Close), response),
        Some(Action::ResetAfterReading | Action::ResetBeforeReading) => ((0, End::Reset), response),
    };
    (response, Plan::StopAfter { left, end })
}

/// A response with exactly this status, these headers and this body.
pub(crate) fn canned(status: u16, headers: &[(String, String)], body: Vec<u8>) -> Response<Body> {
    let claimed = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok());
    let body = if claimed.is_some_and(|claimed| claimed != body.len()) {
        // A body of unknown length, so that hyper sends the given header.
        Body::new(Body::from(body).map_frame(|frame| frame).boxed_unsync())
    } else {
        Body::from(body)
    };
    let mut response = Response::new(body);
    match StatusCode::from_u16(status) {
        Ok(status) => *response.status_mut() = status,
        Err(_) => return plain(StatusCode::INTERNAL_SERVER_ERROR, "not an HTTP status"),
    }
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        let (Ok(name), Ok(value)) = (name, value) else {
            return plain(StatusCode::INTERNAL_SERVER_ERROR, "not an HTTP header");
        };
        response.headers_mut().append(name, value);
    }
    response
}

/// A plain text response.
pub(crate) fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// The same response with only the first half of its body.
async fn half_of(response: Response<Body>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    let bytes = body
        .collect()
        .await
        .map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    let half = bytes.slice(..bytes.len().div_ceil(2));
    Response::from_parts(head, Body::from(half))
}
