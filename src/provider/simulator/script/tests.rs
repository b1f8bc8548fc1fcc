use super::*;

fn action(then: &str) -> Result<Option<Action>, String> {
    match Script::parse(&format!("[[rule]]\nthen = {{ {then} }}")) {
        Ok(script) => Ok(script.rules[0].action.clone()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn every_action_is_read() {
    let fault = |fault, accepted| Action::Fault { fault, accepted };
    let status = |retry_after: Option<&str>| Fault::Status {
        status: 503,
        body: "busy".into(),
        content_type: "text/plain".into(),
        retry_after: retry_after.map(str::to_owned),
    };
    for (then, expected) in [
        ("accept_then_cut = true", fault(Fault::Cut, true)),
        ("cut_before = true", fault(Fault::Cut, false)),
        ("cut_after_headers = true", fault(Fault::CutAfterHeaders, true)),
        ("drip = '1s'", fault(Fault::Drip(Duration::from_secs(1)), true)),
        ("garbage = 'html'", fault(Fault::Garbage(Garbage::Html), false)),
        ("garbage = 'huge', accepted = true", fault(Fault::Garbage(Garbage::Huge), true)),
        ("wait = true", fault(Fault::Wait, false)),
        (
            "redirect = 307, location = 'http://127.0.0.1:1/'",
            fault(Fault::Redirect { status: 307, location: "http://127.0.0.1:1/".into() }, false),
        ),
        ("status = 503, body = 'busy', content_type = 'text/plain'", fault(status(None), false)),
        (
            "status = 503, body = 'busy', content_type = 'text/plain', retry_after = -5",
            fault(status(Some("-5")), false),
        ),
        (
            "error = 131026",
            Action::Refuse { error: ErrorCode::Number(131_026), details: None, retry_after: None },
        ),
        (
            "error = 'non_payment', details = 'pay'",
            Action::Refuse {
                error: ErrorCode::Text("non_payment".into()),
                details: Some("pay".into()),
                retry_after: None,
            },
        ),
        ("suspend = true", Action::Suspend { error: None, details: None, lasting: None }),
        (
            "suspend = '60s', error = 63051",
            Action::Suspend {
                error: Some(ErrorCode::Number(63051)),
                details: None,
                lasting: Some(Duration::from_mins(1)),
            },
        ),
        (
            "throttle = '30s', retry_after = 'Wed, 21 Oct 2026 07:28:00 GMT'",
            Action::Throttle {
                retry_after: Some("Wed, 21 Oct 2026 07:28:00 GMT".into()),
                lasting: Duration::from_secs(30),
            },
        ),
        ("throttle = true", Action::Throttle { retry_after: None, lasting: Duration::ZERO }),
        ("same_id = true", Action::Accept { same_id: true }),
    ] {
        assert_eq!(action(then), Ok(Some(expected)), "{then}");
    }
    assert_eq!(action("latency = '50ms'"), Ok(None));
}

#[test]
fn what_cannot_be_is_refused_with_its_place() {
    for (text, problem) in [
        ("[[rule]]\nthen = { eror = 1 }", "unknown field `eror`"),
        ("sed = 1", "unknown field `sed`"),
        ("[[rule]]\nwhen = { number = 1 }\nthen = { wait = true }", "line 2"),
        ("[[rule]]\nwhen = { provider = 'wa' }\nthen = { wait = true }", "unknown variant `wa`"),
        ("[[rule]]\nthen = { wait = true }\n[[rule]]\nthen = {}", "rule 2: then says nothing"),
        ("[[rule]]\nthen = { wait = true, error = 1 }", "rule 1: then says two things at once: wait, error"),
        ("[[rule]]\nthen = { wait = true, cut_before = true }", "two things at once"),
        ("[[rule]]\nthen = { suspend = true, throttle = true }", "two things at once"),
        ("[[rule]]\nthen = { wait = true, body = 'x' }", "body does not belong to this rule"),
        ("[[rule]]\nthen = { error = 1, accepted = true }", "accepted does not belong"),
        ("[[rule]]\nthen = { error = -1 }", "-1 is not an error code"),
        ("[[rule]]\nthen = { drip = '1 parsec' }", "is not a time"),
        ("[[rule]]\nthen = { redirect = 200 }", "200 is not a redirect"),
        ("[[rule]]\nthen = { status = 42 }", "42 is not an HTTP status"),
        ("[[rule]]\nthen = { receipts = [{ status = 'gone' }] }", "unknown variant `gone`"),
        ("[[rule]]\nthen = { receipts = [{ status = 'failed' }] }", "has a code"),
        ("[[rule]]\nthen = { receipts = [{ status = 'sent', code = 1 }] }", "and no other has"),
        ("[[rule]]\nthen = { receipts = [{ status = 'sent', details = 'x' }] }", "details belong to"),
        ("[[rule]]\nthen = { receipts = [{ status = 'sent', times = 0 }] }", "times is not between 1 and"),
        ("receipts = [{ status = 'sent', probability = 2.0 }]", "between 0 and 1"),
        ("[[rule]]\nthen = { error = 1, replies = [{ text = 'STOP' }] }", "neither receipts nor replies"),
        ("[[rule]]\nthen = { cut_before = true, receipts = [] }", "neither receipts nor replies"),
        ("[[rule]]\nthen = { replies = [{ after = '1s' }] }", "one of text, button and preference"),
        (
            "[[rule]]\nthen = { replies = [{ text = 'a', button = 'b' }] }",
            "one of text, button and preference",
        ),
        ("[[rule]]\nthen = { events = [{ after = '1s' }] }", "an event is one of"),
        ("[[rule]]\nthen = { events = [{ reinstatement = true, quality = 'red' }] }", "an event is one of"),
        ("[[rule]]\nthen = { events = [{ limit = 'none' }] }", "or \"unlimited\""),
        ("[[webhook]]\nprovider = 'meta'\nurl = 'http://x'", "no secret to sign with"),
        ("[[webhook]]\nprovider = 'ultramsg'\nurl = 'https://x'", "needs a place to connect to"),
        ("[[rule]]\nwhen = { probability = 1.5 }\nthen = { wait = true }", "between 0 and 1"),
        ("[[rule]]\nwhen = { nth = 0 }\nthen = { wait = true }", "counted from 1"),
        ("latency = { from = '2s', to = '1s' }", "from is more than to"),
        ("latency = '-1s'", "is not a time"),
        ("[[number]]\nprovider = 'meta'\nphone = '237'\nid = '1'", "number \"237\""),
        ("[[number]]\nprovider = 'meta'\nphone = '+237 600000101'\nid = '1'", "is not in E.164 form"),
        ("[[number]]\nprovider = 'meta'\nphone = '+237600000101'", "has no id"),
        ("not toml", "line 1"),
    ] {
        let error = Script::parse(text).unwrap_err().to_string();
        assert!(error.contains(problem), "{text:?} gave {error:?}");
    }
}

#[test]
fn times_are_read() {
    for (text, millis) in [("50ms", 50), ("2s", 2_000), ("1.5s", 1_500), ("3m", 180_000), ("1h", 3_600_000)] {
        assert_eq!(duration(text), Ok(Duration::from_millis(millis)));
    }
    for bad in ["", "5", "s", "1d", "-1s", "NaNs", "infs"] {
        assert!(duration(bad).is_err(), "{bad:?}");
    }
}
