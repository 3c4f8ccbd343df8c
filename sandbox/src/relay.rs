//! A relay that counts round trips: the cost of a call on a slow network, measured on a fast one.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A side that sends nothing for this long is waiting for the other side.
const QUIET_TIME: Duration = Duration::from_millis(80);

/// Forwards every connection to `to`, until the process ends. Writes lines to `record`: first
/// `listening ADDRESS`, then `connect` for each connection (the round trip of TCP) and `round trip`
/// each time a client sends data and waits for a reply.
pub fn run(to: SocketAddr, record: &Path) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let record = Arc::new(Mutex::new(File::create(record)?));
    write_line(&record, &format!("listening {}", listener.local_addr()?))?;
    for client in listener.incoming() {
        let (client, record) = (client?, Arc::clone(&record));
        write_line(&record, "connect")?;
        std::thread::spawn(move || relay(client, to, &record));
    }
    Ok(())
}

fn write_line(record: &Mutex<File>, line: &str) -> io::Result<()> {
    let mut file = record.lock().unwrap_or_else(PoisonError::into_inner);
    file.write_all(format!("{line}\n").as_bytes())
}

/// Reads from the two sides in turn, so that each round trip is counted once.
fn relay(mut client: TcpStream, to: SocketAddr, record: &Mutex<File>) -> io::Result<()> {
    let mut server = TcpStream::connect(to)?;
    loop {
        let request = read_until_quiet(&mut client)?;
        if request.is_empty() {
            return Ok(());
        }
        write_line(record, "round trip")?;
        server.write_all(&request)?;
        let reply = read_until_quiet(&mut server)?;
        if reply.is_empty() {
            return Ok(());
        }
        client.write_all(&reply)?;
    }
}

/// Reads what a side sends until it is quiet. Empty if the side closed the connection.
fn read_until_quiet(side: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut received = Vec::new();
    let mut buffer = [0; 16 * 1024];
    side.set_read_timeout(None)?;
    loop {
        match side.read(&mut buffer) {
            Ok(0) => return Ok(received),
            Ok(length) => received.extend_from_slice(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(received);
            }
            Err(error) => return Err(error),
        }
        side.set_read_timeout(Some(QUIET_TIME))?;
    }
}
