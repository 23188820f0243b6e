//! A socket with a deadline: TCP, unix, TLS.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{Address, Endpoint, ServerError, Tls};

/// Bytes read from the socket at once.
const CHUNK: usize = 64 * 1024;

/// A byte stream to a server, none of whose calls outlives the deadline.
#[derive(Debug)]
pub(super) struct Wire {
    channel: Channel,
    buffer: Vec<u8>,
    /// First byte of the buffer that was not handed out yet.
    at: usize,
    started: Instant,
}

#[derive(Debug)]
enum Channel {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

/// A socket whose single reads and writes end at the deadline.
#[derive(Debug)]
struct Socket {
    stream: Stream,
    deadline: Instant,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Wire {
    /// Connects, with TLS where asked for.
    pub(super) fn open(endpoint: &Endpoint, deadline: Instant) -> Result<Wire, ServerError> {
        let started = Instant::now();
        let stream = match &endpoint.address {
            Address::Tcp { host, port } => connect_tcp(host, *port, deadline)?,
            Address::Unix(path) => connect_unix(path, deadline)?,
        };
        let socket = Socket { stream, deadline };
        let channel = match (&endpoint.tls, &endpoint.address) {
            (Some(tls), Address::Tcp { host, .. }) => Channel::Tls(Box::new(shake_hands(tls, host, socket, started)?)),
            _ => Channel::Plain(socket),
        };
        Ok(Wire { channel, buffer: Vec::new(), at: 0, started })
    }

    /// Over a socket that is there already.
    #[cfg(test)]
    pub(super) fn over_unix(stream: UnixStream, deadline: Instant) -> Wire {
        let socket = Socket { stream: Stream::Unix(stream), deadline };
        Wire { channel: Channel::Plain(socket), buffer: Vec::new(), at: 0, started: Instant::now() }
    }

    /// From now on, calls end at this moment.
    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        self.started = Instant::now();
        match &mut self.channel {
            Channel::Plain(socket) => socket.deadline = deadline,
            Channel::Tls(tls) => tls.sock.deadline = deadline,
        }
    }

    /// Sends all of it.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), ServerError> {
        let sent = match &mut self.channel {
            Channel::Plain(socket) => socket.write_all(bytes),
            Channel::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
        };
        sent.map_err(|error| self.failed("sending a command", error))
    }

    /// A line without its end (`\r\n` or `\n`), of at most `limit` bytes.
    pub(super) fn line(&mut self, limit: usize) -> Result<Vec<u8>, ServerError> {
        let mut seen = 0;
        loop {
            if let Some(found) = memchr::memchr(b'\n', &self.buffer[self.at + seen..]) {
                let end = self.at + seen + found;
                let mut line = self.buffer[self.at..end].to_vec();
                self.at = end + 1;
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            seen = self.buffer.len() - self.at;
            if seen > limit {
                return Err(ServerError::Protocol { because: format!("a line of more than {limit} bytes") });
            }
            self.fill()?;
        }
    }

    /// Appends exactly `len` bytes to `out`, which grows only as they arrive.
    pub(super) fn exactly(&mut self, out: &mut Vec<u8>, len: usize) -> Result<(), ServerError> {
        let mut missing = len;
        while missing > 0 {
            let chunk = self.chunk()?;
            let take = missing.min(chunk.len());
            out.extend_from_slice(&chunk[..take]);
            self.consume(take);
            missing -= take;
        }
        Ok(())
    }

    /// What is there, at least one byte; [`consume`](Self::consume) says how much of it was used.
    pub(super) fn chunk(&mut self) -> Result<&[u8], ServerError> {
        if self.at == self.buffer.len() {
            self.fill()?;
        }
        Ok(&self.buffer[self.at..])
    }

    /// Bytes of the last [`chunk`](Self::chunk) that were used.
    pub(super) fn consume(&mut self, used: usize) {
        self.at = (self.at + used).min(self.buffer.len());
    }

    /// Reads once from the socket.
    fn fill(&mut self) -> Result<(), ServerError> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let old = self.buffer.len();
        self.buffer.resize(old + CHUNK, 0);
        let room = &mut self.buffer[old..];
        let got = match &mut self.channel {
            Channel::Plain(socket) => socket.read(room),
            Channel::Tls(tls) => tls.read(room),
        };
        self.buffer.truncate(old + got.as_ref().map_or(0, |got| *got));
        match got {
            Ok(0) => Err(ServerError::Closed),
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed("waiting for an answer", error)),
        }
    }

    fn failed(&self, doing: &'static str, error: io::Error) -> ServerError {
        failure(doing, self.started, error)
    }
}

/// The kinds of a socket's failure that matter to us.
fn failure(doing: &'static str, started: Instant, source: io::Error) -> ServerError {
    match source.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            ServerError::Timeout { doing, after: round(started.elapsed()) }
        }
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            ServerError::Closed
        }
        io::ErrorKind::InvalidData => ServerError::Tls { because: source.to_string() },
        _ => ServerError::Io { doing, source },
    }
}

/// To milliseconds, for messages.
fn round(elapsed: Duration) -> Duration {
    Duration::from_millis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}

impl Socket {
    /// What is left until the deadline; an error when nothing is.
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        // A socket timeout of zero would mean "for ever", one below a microsecond rounds to that.
        if left < Duration::from_micros(1) { Err(io::ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Socket {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.left()?;
            let got = match &mut self.stream {
                Stream::Tcp(stream) => stream.set_read_timeout(left).and_then(|()| stream.read(room)),
                Stream::Unix(stream) => stream.set_read_timeout(left).and_then(|()| stream.read(room)),
            };
            match got {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.left()?;
        match &mut self.stream {
            Stream::Tcp(stream) => stream.set_write_timeout(left).and_then(|()| stream.write(bytes)),
            Stream::Unix(stream) => stream.set_write_timeout(left).and_then(|()| stream.write(bytes)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn connect_tcp(host: &str, port: u16, deadline: Instant) -> Result<Stream, ServerError> {
    let started = Instant::now();
    let mut last = None;
    for address in resolve(host, port, deadline)? {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => {
                // Small questions and answers: waiting to fill a packet only costs time.
                let _ = stream.set_nodelay(true);
                return Ok(Stream::Tcp(stream));
            }
            Err(error) => last = Some(error),
        }
    }
    let error = last.unwrap_or_else(|| io::ErrorKind::NotFound.into());
    Err(match error.kind() {
        io::ErrorKind::ConnectionRefused => ServerError::Refused { address: format!("{host}:{port}") },
        _ => failure("connecting", started, error),
    })
}

/// The addresses of a host. The system's resolver knows no deadline, so a name (not an IP) is asked for beside us.
fn resolve(host: &str, port: u16, deadline: Instant) -> Result<Vec<SocketAddr>, ServerError> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    let name = host.to_string();
    std::thread::spawn(move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        let _ = sender.send(found);
    });
    let started = Instant::now();
    match receiver.recv_timeout(deadline.saturating_duration_since(started)) {
        Ok(Ok(found)) if !found.is_empty() => Ok(found),
        Ok(Ok(_)) => Err(ServerError::NoSuchHost { host: host.to_string(), because: "no address".to_string() }),
        Ok(Err(error)) => Err(ServerError::NoSuchHost { host: host.to_string(), because: error.to_string() }),
        Err(_) => Err(ServerError::Timeout { doing: "resolving its name", after: round(started.elapsed()) }),
    }
}

/// Connects to a unix socket. A blocking connect would wait for ever on a server whose queue is full since it hangs.
fn connect_unix(path: &Path, deadline: Instant) -> Result<Stream, ServerError> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
    use std::os::fd::AsRawFd;
    let started = Instant::now();
    let io = |errno: nix::errno::Errno| ServerError::Io { doing: "connecting", source: errno.into() };
    let address = UnixAddr::new(path).map_err(io)?;
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None).map_err(io)?;
    loop {
        match connect(fd.as_raw_fd(), &address) {
            Ok(()) => break,
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => {
                return Err(ServerError::Timeout { doing: "connecting", after: round(started.elapsed()) });
            }
            Err(nix::errno::Errno::ECONNREFUSED | nix::errno::Errno::ENOENT) => {
                return Err(ServerError::Refused { address: format!("unix:{}", path.display()) });
            }
            Err(errno) => return Err(io(errno)),
        }
    }
    let stream = UnixStream::from(fd);
    stream.set_nonblocking(false).map_err(|source| ServerError::Io { doing: "connecting", source })?;
    Ok(Stream::Unix(stream))
}

/// TLS over a connected socket.
fn shake_hands(
    tls: &Tls,
    host: &str,
    socket: Socket,
    started: Instant,
) -> Result<StreamOwned<ClientConnection, Socket>, ServerError> {
    let name = ServerName::try_from(host.to_string()).map_err(|error| refused(&error))?;
    let connection = ClientConnection::new(Arc::new(tls_config(tls)?), name).map_err(|error| refused(&error))?;
    let mut stream = StreamOwned::new(connection, socket);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).map_err(|error| match failure("shaking hands", started, error) {
            ServerError::Closed => ServerError::Tls { because: "the server closed the connection".to_string() },
            other => other,
        })?;
    }
    Ok(stream)
}

fn tls_config(tls: &Tls) -> Result<ClientConfig, ServerError> {
    let mut roots = RootCertStore::empty();
    match &tls.ca {
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| in_file(path, &error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(&error))?
        .with_root_certificates(roots);
    match (&tls.cert, &tls.key) {
        (Some(cert), Some(key_path)) => {
            let key = PrivateKeyDer::from_pem_file(key_path).map_err(|error| in_file(key_path, &error))?;
            builder.with_client_auth_cert(certificates(cert)?, key).map_err(|error| in_file(cert, &error))
        }
        (None, None) => Ok(builder.with_no_client_auth()),
        _ => Err(ServerError::Tls {
            because: "tls.cert and tls.key belong together, one of them is missing".to_string(),
        }),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServerError> {
    let found: Vec<_> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|error| in_file(path, &error))?;
    if found.is_empty() {
        return Err(ServerError::Tls { because: format!("{}: no certificate in it", path.display()) });
    }
    Ok(found)
}

fn refused(error: &dyn std::fmt::Display) -> ServerError {
    ServerError::Tls { because: error.to_string() }
}

fn in_file(path: &Path, error: &dyn std::fmt::Display) -> ServerError {
    ServerError::Tls { because: format!("{}: {error}", path.display()) }
}
