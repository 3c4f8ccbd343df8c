//! A relay that counts round trips: what a call costs on a slow line, whatever the speed of this one.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A side that says nothing for so long waits for the other.
const QUIET: Duration = Duration::from_millis(80);

/// Passes on every connection to `to`, until the process ends. Writes one line into `record` for each
/// thing: `listening ADDRESS`, then `connect` for a connection (TCP's own round trip) and `round trip`
/// for what a client sent and then waited for.
pub fn run(to: SocketAddr, record: &Path) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let record = Arc::new(Mutex::new(File::create(record)?));
    note(&record, &format!("listening {}", listener.local_addr()?))?;
    for client in listener.incoming() {
        let (client, record) = (client?, Arc::clone(&record));
        note(&record, "connect")?;
        std::thread::spawn(move || relay(client, to, &record));
    }
    Ok(())
}

fn note(record: &Mutex<File>, line: &str) -> io::Result<()> {
    let mut file = record.lock().unwrap_or_else(PoisonError::into_inner);
    file.write_all(format!("{line}\n").as_bytes())
}

/// The two sides speak by turns, so that nothing of one side's turn is counted twice.
fn relay(mut client: TcpStream, to: SocketAddr, record: &Mutex<File>) -> io::Result<()> {
    let mut server = TcpStream::connect(to)?;
    loop {
        let said = one_turn(&mut client)?;
        if said.is_empty() {
            return Ok(());
        }
        note(record, "round trip")?;
        server.write_all(&said)?;
        let answered = one_turn(&mut server)?;
        if answered.is_empty() {
            return Ok(());
        }
        client.write_all(&answered)?;
    }
}

/// All that a side says until it is quiet. Empty: it has hung up.
fn one_turn(side: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut said = Vec::new();
    let mut piece = [0; 16 * 1024];
    side.set_read_timeout(None)?;
    loop {
        match side.read(&mut piece) {
            Ok(0) => return Ok(said),
            Ok(length) => said.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(said);
            }
            Err(error) => return Err(error),
        }
        side.set_read_timeout(Some(QUIET))?;
    }
}
