//! Which TCP sockets listen, asked of the kernel itself: sock_diag(7). It looks at listening sockets only, and answers in
//! microseconds where reading /proc/net/tcp goes through the whole table of connections, for milliseconds.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x301;
/// `NLMSG_ERROR`.
const ERROR: u16 = 2;
/// `NLMSG_DONE`.
const DONE: u16 = 3;
/// A bit for the state `TCP_LISTEN`.
const LISTEN: u32 = 1 << 10;
/// Bytes of a `struct nlmsghdr`, which begins every message.
const HEADER: usize = 16;
/// Answers are read at most so often: the kernel puts many sockets into one.
const MOST_ANSWERS: usize = 10_000;

/// A listening TCP socket: where, and its inode.
pub(super) type Listening = (SocketAddr, u64);

/// All TCP sockets of this network namespace that listen.
///
/// # Errors
/// The kernel does not answer such questions (tcp_diag is not there, a container forbids it).
pub(super) fn listening() -> io::Result<Vec<Listening>> {
    let link = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkSockDiag)?;
    setsockopt(&link, sockopt::ReceiveTimeout, &TimeVal::seconds(2))?;
    let mut found = Vec::new();
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        ask(&link, family as u8)?;
        hear(&link, &mut found)?;
    }
    Ok(found)
}

/// Asks for one family's sockets: a header, then a `struct inet_diag_req_v2` of 56 bytes, most of it zero.
fn ask(link: &OwnedFd, family: u8) -> io::Result<()> {
    const TCP: u8 = 6;
    let mut message = [0_u8; HEADER + 56];
    message[0..4].copy_from_slice(&72_u32.to_ne_bytes());
    message[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
    message[6..8].copy_from_slice(&DUMP.to_ne_bytes());
    message[16] = family;
    message[17] = TCP;
    message[20..24].copy_from_slice(&LISTEN.to_ne_bytes());
    let kernel = NetlinkAddr::new(0, 0);
    sendto(link.as_raw_fd(), &message, &kernel, MsgFlags::empty())?;
    Ok(())
}

/// Reads answers until the kernel says that there are no more.
fn hear(link: &OwnedFd, found: &mut Vec<Listening>) -> io::Result<()> {
    let mut buffer = vec![0_u8; 64 << 10];
    for _ in 0..MOST_ANSWERS {
        let got = recv(link.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        if read(buffer.get(..got).unwrap_or_default(), found)? {
            return Ok(());
        }
    }
    Err(io::Error::other("more sockets than can be"))
}

/// Reads the messages of one answer; true when it was the last.
fn read(mut answer: &[u8], found: &mut Vec<Listening>) -> io::Result<bool> {
    while let Some(header) = answer.get(..HEADER) {
        let length = number(header, 0) as usize;
        match u16::from_ne_bytes([header[4], header[5]]) {
            DONE => return Ok(true),
            ERROR => return Err(io::Error::other("the kernel does not tell its sockets")),
            _ => {}
        }
        let Some(message) = answer.get(HEADER..length) else {
            return Err(io::Error::other("the kernel's answer is cut off"));
        };
        found.extend(socket_of(message));
        answer = answer.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

/// A `struct inet_diag_msg`: the family, at 4 the port in network order, at 8 the address, at 68 the inode.
fn socket_of(message: &[u8]) -> Option<Listening> {
    const FAMILY_4: u8 = AddressFamily::Inet as u8;
    let port = u16::from_be_bytes([*message.get(4)?, *message.get(5)?]);
    let address: [u8; 16] = message.get(8..24)?.try_into().ok()?;
    message.get(68..72)?;
    let at = match message.first()? {
        &FAMILY_4 => SocketAddr::from((Ipv4Addr::new(address[0], address[1], address[2], address[3]), port)),
        _ => SocketAddr::from((Ipv6Addr::from(address), port)),
    };
    Some((at, u64::from(number(message, 68))))
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_ne_bytes)
}
