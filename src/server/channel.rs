//! What bytes to and from a server go through: its socket, with TLS around it where asked for.
//!
//! The `redis` crate has TLS only inside its own `Connection`, over a socket it opens itself, which knows no deadline for
//! the whole of a call and gives nobody the raw bytes of a snapshot. So this much of rustls is used directly.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::socket::Socket;
use super::{Address, Endpoint, ServerError, Tls};

/// A byte stream to a server, none of whose calls outlives the deadline.
#[derive(Debug)]
pub(super) enum Channel {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

impl Channel {
    /// Connects, with TLS where asked for.
    pub(super) fn open(endpoint: &Endpoint, deadline: Instant) -> Result<Channel, ServerError> {
        let socket = Socket::connect(&endpoint.address, deadline)?;
        match (&endpoint.tls, &endpoint.address) {
            (Some(tls), Address::Tcp { host, .. }) => Ok(Channel::Tls(Box::new(shake_hands(tls, host, socket)?))),
            _ => Ok(Channel::Plain(socket)),
        }
    }

    /// From now on, calls end at this moment.
    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        match self {
            Channel::Plain(socket) => socket.set_deadline(deadline),
            Channel::Tls(tls) => tls.sock.set_deadline(deadline),
        }
    }

    /// What a failed read or write means.
    pub(super) fn failed(&self, doing: &'static str, error: io::Error) -> ServerError {
        match self {
            Channel::Plain(socket) => socket.failed(doing, error),
            Channel::Tls(tls) => tls.sock.failed(doing, error),
        }
    }
}

impl Read for Channel {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Channel::Plain(socket) => socket.read(room),
            Channel::Tls(tls) => tls.read(room),
        }
    }
}

impl Write for Channel {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Channel::Plain(socket) => socket.write(bytes),
            Channel::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Channel::Plain(socket) => socket.flush(),
            Channel::Tls(tls) => tls.flush(),
        }
    }
}

/// TLS over a connected socket.
fn shake_hands(tls: &Tls, host: &str, socket: Socket) -> Result<StreamOwned<ClientConnection, Socket>, ServerError> {
    let name = ServerName::try_from(host.to_string()).map_err(|error| refused(&error))?;
    let connection = ClientConnection::new(Arc::new(tls_config(tls)?), name).map_err(|error| refused(&error))?;
    let mut stream = StreamOwned::new(connection, socket);
    while stream.conn.is_handshaking() {
        let done = stream.conn.complete_io(&mut stream.sock);
        done.map_err(|error| match stream.sock.failed("shaking hands", error) {
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
