//! The demo without a terminal: the whole product once, from an empty machine to both sides' ledgers compared.

use crate::support::binary;
use serde_json::json;

#[test]
fn a_demo_without_a_terminal_sends_to_the_end_and_both_sides_agree() {
    let mut command = binary::command();
    command.args(["demo", "--headless", "--recipients", "300", "--json"]);
    let told = binary::run(command, None).done().json();
    assert_eq!((&told["both_sides_agree"], &told["violations"]), (&json!(true), &json!([])), "{told}");
    assert_eq!(told["received"]["duplicates"], json!(0), "{told}");
    // What was taken is on record as accepted, or as a doubt that time did not suffice to settle.
    let recorded = |name: &str| told["recorded"][name].as_u64().unwrap();
    let received = told["received"]["messages"].as_u64().unwrap();
    let accepted = recorded("accepted");
    assert!((accepted..=accepted + recorded("in_doubt")).contains(&received), "{told}");
    let of = |name: &str| told[name].as_u64().unwrap();
    // Two campaigns, one of them with two steps; some people cannot be reached.
    assert!(of("accepted") > 300 && of("rejected") > 0, "{told}");
    // And what became of them came back: most were delivered, more than half of those read, and some had enough.
    assert!(of("delivered") * 10 > of("accepted") * 8 && of("read") * 10 > of("delivered") * 4, "{told}");
    assert!(of("opted_out") > 0, "{told}");
    for side in ["delivered", "read", "reports"] {
        assert_eq!(told["recorded"][side], told["reported"][side], "{told}");
    }
    assert_eq!(told["reported"]["given_up"], json!(0), "{told}");
}
