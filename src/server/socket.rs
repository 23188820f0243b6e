//! A connected socket, TCP or unix, none of whose calls outlives its deadline.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Address, ServerError};

/// A socket whose single reads and writes end at the deadline.
#[derive(Debug)]
pub(super) struct Socket {
    stream: Stream,
    deadline: Instant,
    /// When what is being done now began, for messages.
    since: Instant,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Connects.
    pub(super) fn connect(address: &Address, deadline: Instant) -> Result<Socket, ServerError> {
        let since = Instant::now();
        let stream = match address {
            Address::Tcp { host, port } => connect_tcp(host, *port, deadline)?,
            Address::Unix(path) => connect_unix(path, deadline)?,
        };
        Ok(Socket { stream, deadline, since })
    }

    /// Over a stream that is there already.
    #[cfg(test)]
    pub(super) fn over_unix(stream: UnixStream, deadline: Instant) -> Socket {
        Socket { stream: Stream::Unix(stream), deadline, since: Instant::now() }
    }

    /// From now on, calls end at this moment.
    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        self.since = Instant::now();
        self.deadline = deadline;
    }

    /// What a failed read or write means.
    pub(super) fn failed(&self, doing: &'static str, error: io::Error) -> ServerError {
        failure(doing, self.since, error)
    }

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
