//! DER as a tree that can be changed and written again with right lengths.

use crate::mutation::{self, Bytes, Random, grow};

const DEPTH: usize = 24;
const NODES: usize = 20_000;

const OID: u8 = 0x06;
const OCTET_STRING: u8 = 0x04;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// Tags that something in a certificate or CRL may turn into.
const TAGS: [u8; 24] = [
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1c, 0x1e, 0x30,
    0x31, 0x80, 0x81, 0x82, 0x86, 0x87, 0xa0, 0xa3,
];

/// Object identifiers (content octets) that readers and judge know.
const OIDS: [&[u8]; 38] = [
    b"\x55\x1d\x09",
    b"\x55\x1d\x0e",
    b"\x55\x1d\x0f",
    b"\x55\x1d\x10",
    b"\x55\x1d\x11",
    b"\x55\x1d\x12",
    b"\x55\x1d\x13",
    b"\x55\x1d\x14",
    b"\x55\x1d\x15",
    b"\x55\x1d\x18",
    b"\x55\x1d\x1b",
    b"\x55\x1d\x1c",
    b"\x55\x1d\x1d",
    b"\x55\x1d\x1e",
    b"\x55\x1d\x1f",
    b"\x55\x1d\x20",
    b"\x55\x1d\x20\x00",
    b"\x55\x1d\x21",
    b"\x55\x1d\x23",
    b"\x55\x1d\x24",
    b"\x55\x1d\x25",
    b"\x55\x1d\x25\x00",
    b"\x55\x1d\x2e",
    b"\x55\x1d\x36",
    b"\x2b\x06\x01\x05\x05\x07\x01\x01",
    b"\x2b\x06\x01\x05\x05\x07\x01\x0b",
    b"\x2b\x06\x01\x05\x05\x07\x30\x01",
    b"\x2b\x06\x01\x05\x05\x07\x30\x02",
    b"\x60\x86\x48\x01\x86\xf8\x42\x01\x01",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b",
    b"\x2a\x86\x48\xce\x3d\x02\x01",
    b"\x2a\x86\x48\xce\x3d\x03\x01\x07",
    b"\x2b\x81\x04\x00\x22",
    b"\x2a\x86\x48\xce\x3d\x04\x03\x02",
    b"\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x03",
];

/// One element.
#[derive(Clone, Debug)]
pub struct Node {
    tag: u8,
    /// What precedes the elements of a BIT STRING: the count of unused bits.
    prefix: Option<u8>,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Octets(Vec<u8>),
    Elements(Vec<Node>),
}

impl Node {
    fn octets(tag: u8, content: impl Into<Vec<u8>>) -> Self {
        Self {
            tag,
            prefix: None,
            content: Content::Octets(content.into()),
        }
    }

    fn elements(tag: u8, elements: Vec<Self>) -> Self {
        Self {
            tag,
            prefix: None,
            content: Content::Elements(elements),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut content: Vec<u8> = self.prefix.into_iter().collect();
        match &self.content {
            Content::Octets(octets) => content.extend_from_slice(octets),
            Content::Elements(elements) => elements.iter().for_each(|one| one.write(&mut content)),
        }
        out.push(self.tag);
        let length = content.len();
        if length < 0x80 {
            out.extend(u8::try_from(length));
        } else {
            let octets = length.to_be_bytes();
            let leading = octets.iter().take_while(|octet| **octet == 0).count();
            out.extend(u8::try_from(octets.len() - leading).map(|count| 0x80 | count));
            out.extend_from_slice(&octets[leading..]);
        }
        out.extend_from_slice(&content);
    }

    fn count(&self) -> usize {
        match &self.content {
            Content::Octets(_) => 1,
            Content::Elements(elements) => 1 + elements.iter().map(Self::count).sum::<usize>(),
        }
    }
}

/// One element of any tag.
#[must_use]
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    write(&[Node::octets(tag, content)])
}

/// The first element's tag, its content, and its whole length.
fn head(input: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (tag, first, rest) = match input {
        // Tags of more than one octet are nowhere of use here.
        [tag, first, rest @ ..] if tag & 0x1f != 0x1f => (*tag, *first, rest),
        _ => return None,
    };
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = octets
                .iter()
                .fold(0, |length, octet| length << 8 | usize::from(*octet));
            (length, rest)
        }
        _ => return None,
    };
    let content = rest.get(..length)?;
    Some((tag, content, input.len() - rest.len() + length))
}

/// The elements that stand side by side, undecoded; what follows them and is none is left out.
#[must_use]
pub fn elements(mut input: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while let Some((_, _, length)) = head(input) {
        let (element, rest) = input.split_at(length);
        found.push(element);
        input = rest;
    }
    found
}

/// The content of the first element.
#[must_use]
pub fn inside(input: &[u8]) -> Option<&[u8]> {
    head(input).map(|(_, content, _)| content)
}

/// The first element inside the first: what is signed of a certificate or list.
#[must_use]
pub fn signed_part(input: &[u8]) -> Option<&[u8]> {
    elements(inside(input)?).into_iter().next()
}

/// The extension of this object identifier in the signed part of a certificate: its value.
#[must_use]
pub fn extension<'a>(signed: &'a [u8], oid: &[u8]) -> Option<&'a [u8]> {
    let parts = elements(inside(signed)?);
    let wrapped = parts
        .into_iter()
        .rfind(|part| part.first() == Some(&0xa3))?;
    let extensions = elements(inside(inside(wrapped)?)?);
    extensions.into_iter().find_map(|extension| {
        let parts = elements(inside(extension)?);
        let named = parts.first().is_some_and(|id| inside(id) == Some(oid));
        named.then(|| inside(parts.last()?))?
    })
}

/// The elements of a whole input.
#[must_use]
pub fn read(input: &[u8]) -> Option<Vec<Node>> {
    read_at(input, DEPTH, &mut NODES.clone())
}

fn read_at(mut input: &[u8], depth: usize, left: &mut usize) -> Option<Vec<Node>> {
    let mut nodes = Vec::new();
    while !input.is_empty() {
        let (tag, content, length) = head(input)?;
        *left = left.checked_sub(1)?;
        nodes.push(node(tag, content, depth, left));
        input = &input[length..];
    }
    Some(nodes)
}

fn node(tag: u8, content: &[u8], depth: usize, left: &mut usize) -> Node {
    let Some(depth) = depth.checked_sub(1) else {
        return Node::octets(tag, content);
    };
    let (prefix, inner) = match (tag, content) {
        (BIT_STRING, [0, inner @ ..]) if inner.first() == Some(&SEQUENCE) => (Some(0), inner),
        (OCTET_STRING, [_, _, ..]) => (None, content),
        _ if tag & 0x20 != 0 => (None, content),
        _ => return Node::octets(tag, content),
    };
    match read_at(inner, depth, left) {
        Some(elements) => Node {
            tag,
            prefix,
            content: Content::Elements(elements),
        },
        None => Node::octets(tag, content),
    }
}

/// The elements in DER.
#[must_use]
pub fn write(nodes: &[Node]) -> Vec<u8> {
    let mut out = Vec::new();
    for node in nodes {
        node.write(&mut out);
    }
    out
}

/// The signed part of a certificate or list with one extension more, behind all others.
#[must_use]
pub fn with_extension(
    signed: &[u8],
    oid: &[u8],
    critical: bool,
    content: &[u8],
) -> Option<Vec<u8>> {
    let mut nodes = read(signed)?;
    let Content::Elements(parts) = &mut nodes.first_mut()?.content else {
        return None;
    };
    // [3] in certificates, [0] in lists, explicit.
    let wrapped = parts
        .iter_mut()
        .rfind(|part| [0xa3, 0xa0].contains(&part.tag))?;
    let Content::Elements(wrapped) = &mut wrapped.content else {
        return None;
    };
    let Content::Elements(extensions) = &mut wrapped.first_mut()?.content else {
        return None;
    };
    let mut parts = vec![Node::octets(OID, oid)];
    parts.extend(critical.then(|| Node::octets(0x01, [0xff])));
    parts.push(Node::octets(OCTET_STRING, content));
    extensions.push(Node::elements(SEQUENCE, parts));
    Some(write(&nodes))
}

/// A mutator of elements that stand side by side.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32, bytes: Bytes) -> usize {
    mutation::mutate(data, size, max_size, seed, bytes, |input, random| {
        let mut nodes = read(input).filter(|nodes| !nodes.is_empty())?;
        for _ in 0..=random.below(3) {
            change(&mut nodes, random, bytes);
        }
        Some(write(&nodes))
    })
}

/// Changes one element.
fn change(nodes: &mut Vec<Node>, random: &mut Random, bytes: Bytes) {
    let total = nodes.iter().map(Node::count).sum();
    let donor = at(nodes, random.below(total)).cloned();
    let Some((siblings, index)) = locate(nodes, &mut random.below(total)) else {
        return;
    };
    match random.below(14) {
        0 => {
            siblings.remove(index);
        }
        1 => {
            let again = siblings[index].clone();
            siblings.insert(index, again);
        }
        2 => {
            let other = random.below(siblings.len());
            siblings.swap(index, other);
        }
        3 => siblings[index] = donor.unwrap_or_else(|| Node::octets(0x05, [])),
        4 => siblings.insert(index, donor.unwrap_or_else(|| Node::octets(0x05, []))),
        5 => siblings[index].tag = random.pick(&TAGS).copied().unwrap_or(SEQUENCE),
        6 => siblings[index].tag ^= 1 << random.below(8),
        7 => siblings[index].content = Content::Octets(Vec::new()),
        8 => {
            let inner = siblings[index].clone();
            let tag = if random.below(2) == 0 { SEQUENCE } else { 0xa0 };
            siblings[index] = Node::elements(tag, vec![inner]);
        }
        9 => {
            let count = 1 << random.below(8);
            let copies = vec![siblings[index].clone(); count];
            siblings.splice(index..index, copies);
        }
        10 if siblings[index].tag != OID => {
            let oid = random.pick(&OIDS).copied().unwrap_or_default();
            // An extension of this kind, with what some other element holds.
            let content = donor.map(|donor| write(&[donor])).unwrap_or_default();
            let mut parts = vec![Node::octets(OID, oid)];
            if random.below(2) == 0 {
                parts.push(Node::octets(0x01, [0xff]));
            }
            parts.push(Node::octets(OCTET_STRING, content));
            siblings.insert(index, Node::elements(SEQUENCE, parts));
        }
        _ => content(&mut siblings[index], random, bytes),
    }
}

fn content(node: &mut Node, random: &mut Random, bytes: Bytes) {
    if node.tag == OID && random.below(4) != 0 {
        let oid = random.pick(&OIDS).copied().unwrap_or_default();
        node.content = Content::Octets(oid.to_vec());
        return;
    }
    match &mut node.content {
        Content::Octets(octets) => grow(octets, bytes),
        Content::Elements(elements) => {
            let mut octets = write(elements);
            grow(&mut octets, bytes);
            node.content = Content::Octets(octets);
        }
    }
}

fn at(nodes: &[Node], mut number: usize) -> Option<&Node> {
    for node in nodes {
        if number == 0 {
            return Some(node);
        }
        let count = node.count();
        match &node.content {
            Content::Elements(elements) if number < count => return at(elements, number - 1),
            _ => number = number.checked_sub(count)?,
        }
    }
    None
}

/// Where the element of this number, counted depth first, stands among its siblings.
fn locate<'a>(nodes: &'a mut Vec<Node>, number: &mut usize) -> Option<(&'a mut Vec<Node>, usize)> {
    for index in 0..nodes.len() {
        if *number == 0 {
            return Some((nodes, index));
        }
        let count = nodes[index].count();
        if *number < count {
            *number -= 1;
            return match &mut nodes[index].content {
                Content::Elements(elements) => locate(elements, number),
                Content::Octets(_) => None,
            };
        }
        *number -= count;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::world;

    #[test]
    fn a_certificate_is_written_as_it_was_read() {
        let der = world().leaf.der();
        let nodes = read(der).unwrap();
        assert!(nodes.iter().map(Node::count).sum::<usize>() > 60);
        assert_eq!(write(&nodes), der);
        assert_eq!(elements(&[der, der].concat()), [der, der]);
    }

    #[test]
    fn an_extension_is_found_by_its_object_identifier() {
        let signed = world().client.tbs();
        assert_eq!(
            extension(signed, b"\x55\x1d\x0f"),
            Some(&b"\x03\x02\x07\x80"[..])
        );
        assert_eq!(extension(signed, b"\x55\x1d\x1e"), None);
    }

    #[test]
    fn mutations_change_something_and_stay_within_the_largest_size() {
        let der = world().leaf.der();
        let mut changed = 0;
        for seed in 0..2_000 {
            let mut data = vec![0; 2 * der.len()];
            data[..der.len()].copy_from_slice(der);
            let most = data.len();
            let size = mutate(&mut data, der.len(), most, seed, |_, size, _| size);
            assert!(size <= most);
            changed += usize::from(&data[..size] != der);
        }
        assert!(changed > 1_000, "{changed}");
    }
}
