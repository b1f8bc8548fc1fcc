//! Addresses of media, and parameters of templates.

use super::*;
use crate::domain::template::Person;

#[test]
fn only_public_addresses_are_handed_to_providers() {
    for good in [
        "https://example.com/a.jpg",
        "http://cdn.example.com:8080/a%20b.pdf?v=2",
        "https://93.184.216.34/a.jpg",
        "https://[2606:2800:220:1::1]/a.jpg",
    ] {
        assert!(Link::parse(good, false).is_ok(), "{good}");
    }
    for private in [
        "http://localhost/a.jpg",
        "http://files/a.jpg",
        "https://nas.local/a.jpg",
        "https://a.internal./a.jpg",
        "http://127.0.0.1/a",
        "http://10.1.2.3/a",
        "http://172.16.0.9/a",
        "http://192.168.1.1/a",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/a",
        "http://0.0.0.0/a",
        "http://2130706433/a",
        "http://0x7f.1/a",
        "http://[::1]/a",
        "http://[::ffff:192.168.1.1]/a",
        "http://[fd00::1]/a",
        "http://[fe80::1]/a",
        "http://[::7f00:1]/a",
    ] {
        assert!(matches!(Link::parse(private, false), Err(LinkError::Private(_))), "{private}");
        assert!(Link::parse(private, true).is_ok(), "{private}, when it is allowed");
    }
    for (bad, error) in [
        ("", LinkError::Form),
        ("example.com/a.jpg", LinkError::Form),
        ("ftp://example.com/a.jpg", LinkError::Form),
        ("file:///etc/passwd", LinkError::Form),
        ("data:image/png;base64,AA", LinkError::Form),
        (" https://example.com/a.jpg", LinkError::Form),
        ("https://example.com/a b.jpg", LinkError::Form),
        ("https://example.com/{{name}}.jpg", LinkError::Variable),
        ("https://ana:secret@example.com/a.jpg", LinkError::Credentials),
    ] {
        assert_eq!(Link::parse(bad, true), Err(error), "{bad}");
    }
}

#[test]
fn a_document_has_a_name() {
    let name = |raw: &str| Link::parse(raw, true).unwrap().file_name();
    assert_eq!(name("https://example.com/x/price.pdf?v=1"), "price.pdf");
    assert_eq!(name("https://example.com/"), "file");
    assert_eq!(name("https://example.com/a%2F..%2Fb"), "a_2F.._2Fb");
}

#[test]
fn parameters_are_filled_on_one_line() {
    let attributes = BTreeMap::from([("city".to_owned(), "a\n\tb        c".to_owned())]);
    let person =
        Person { name: Some(" Ana "), referrer_name: None, day: 1, slot: None, attributes: &attributes };
    let text = |source: &str| Text::parse(source).unwrap();
    let both = Parameters::Positional(vec![text("{{name}}\r\n!"), text("in {{city}}")]);
    assert_eq!(
        both.fill(&person),
        Ok(Filled::Positional(vec!["Ana  !".into(), "in a  b    c".into()])),
        "no line break, at most four spaces"
    );
    let missing = Parameters::Named(BTreeMap::from([("who".to_owned(), text("{{age}}"))]));
    assert_eq!(missing.fill(&person), Err(SkipReason::MissingVariable { variable: "age".into() }));
    let empty = Parameters::Positional(vec![text("{{age|}}")]);
    assert_eq!(empty.fill(&person), Err(SkipReason::TextEmpty));
    let long = Parameters::Positional(vec![text(&"x".repeat(1_025))]);
    assert_eq!(long.fill(&person), Err(SkipReason::TextTooLong { characters: 1_025, limit: 1_024 }));
}
